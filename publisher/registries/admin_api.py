"""The registry behind an HTTP admin API. One request per registration, one per lookup; it never retries by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from publisher.errors import CredentialsError, NotFoundError, PublisherError, RejectedError, TransportError
from publisher.http import Answer, HttpClient, NothingSentError, RedirectError, error_of
from publisher.model import FleetIdentity
from publisher.registries.admin_answers import verdict
from publisher.registries.admin_options import AdminApiOptions, DuplicateRule
from publisher.registries.admin_rows import items_of, rows_in_list, rows_in_update
from publisher.registries.port import Lookup, NoAnswer, NoRow, Refused, RegisterAnswer, Row
from publisher.secrecy import Masked

__all__ = ["AdminApiOptions", "AdminApiRegistry", "DuplicateRule"]

LOOKUP_BATCH = 10_000


class AdminApiRegistry:
    """Rows are added by POST with a bearer token; `options.lookup` says how, and whether, they can be looked up."""

    def __init__(self, options: AdminApiOptions) -> None:
        self._options = options
        self._lookup_path = options.checked_lookup_path()
        self._client = HttpClient(
            options.url,
            setting=options.setting("ADMIN_API_URL"),
            headers={"Authorization": Masked(f"Bearer {options.token}"), "Accept": "application/json"},
            ca_file=options.ca_file,
            connect_timeout_s=options.connect_timeout_s,
            read_timeout_s=options.read_timeout_s,
            total_timeout_s=options.total_timeout_s,
        )

    @property
    def location(self) -> str:
        return self._client.location

    @property
    def lookup_batch(self) -> int:
        return 0 if self._options.lookup == "none" else LOOKUP_BATCH

    def lookup(self, identities: Sequence[FleetIdentity]) -> Mapping[FleetIdentity, Lookup]:
        """Answer for every identity: `list` with one request, `get-update` with one per stage and architecture.

        Without a lookup endpoint every answer is `NoRow.UNSEEN`, and no request is sent.
        """
        match self._options.lookup:
            case "list" if identities:
                return rows_in_list(items_of(self._look("GET", None)), set(identities))
            case "get-update":
                return self._newest(identities)
        return dict.fromkeys(identities, NoRow.UNSEEN)

    def register(self, row: Row) -> RegisterAnswer:
        """POST the row once. The body is a function of the row alone, byte for byte."""
        if row.encryption_key is None:
            raise ValueError("a row is registered with its key")
        key = row.encryption_key.reveal_hex()
        body = {
            **row.identity.fields(),
            "cdn_url": row.cdn_url,
            "sha256": row.sha256.hex,
            "encryption_key": key,
            "size_bytes": row.size_bytes,
        }
        try:
            answer = self._client.request("POST", self._options.publish_path, json=body)
        except (NothingSentError, RedirectError, RejectedError) as error:
            return Refused(error)
        except TransportError as error:
            return NoAnswer(error)
        return verdict(answer, self._options, (*self._client.secrets, key))

    def close(self) -> None:
        """Release connections."""
        self._client.close()

    def _newest(self, identities: Sequence[FleetIdentity]) -> Mapping[FleetIdentity, Lookup]:
        groups: dict[tuple[str, str], set[FleetIdentity]] = {}
        for identity in identities:
            groups.setdefault((identity.dev_stage, identity.architecture), set()).add(identity)
        answers: dict[FleetIdentity, Lookup] = {}
        for (stage, architecture), wanted in groups.items():
            question = {"dev_stage": stage, "architecture": architecture, str(self._options.get_update_field): []}
            items = items_of(self._look("POST", question))
            answers.update(rows_in_update(items, wanted, dev_stage=stage, architecture=architecture))
        return answers

    def _look(self, method: str, question: object) -> Answer:
        answer = self._client.request(
            method,
            self._lookup_path,
            json=question,
            headers={"Cache-Control": "no-cache"},
            max_bytes=self._options.list_limit_bytes,
        )
        if answer.status == 200:
            return answer
        raise self._cannot_tell(error_of(answer, "cannot tell what is registered", self._client.secrets))

    def _cannot_tell(self, error: PublisherError) -> PublisherError:
        """Add the setting to look at. A lookup path that is not there says nothing about the rows."""
        if isinstance(error, CredentialsError):
            error.hint = f"tokens expire: renew {self._options.setting('ADMIN_API_TOKEN')}"
        if isinstance(error, NotFoundError):
            return RejectedError(
                error.message, hint=f"is {self._options.setting('ADMIN_API_LOOKUP_PATH')} right?", status=404
            )
        return error
