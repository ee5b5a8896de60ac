"""How the S3 clients are made: from explicit options only, and with bodies whose digests are known beforehand.

Nothing of the process's surroundings has a say: no AWS_* variable, profile, ~/.aws file, netrc, proxy variable or
metadata service. The SDK follows no redirect to another region and hashes no body a second time.
"""

from __future__ import annotations

import logging
import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore.auth
import botocore.session
from boto3.session import Session
from botocore.config import Config
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES, ConfigValueStore, ConstantProvider
from botocore.loaders import Loader

from publisher.errors import SettingsError
from publisher.stores.s3_options import S3Options
from publisher.stores.upload_body import UploadBody

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_SIGNER = "publisher-s3v4"
_SMALL_BODY = 64 * 1024


class _KnownPayloadAuth(botocore.auth.S3SigV4Auth):
    """Signs with the digest the body already knows; a plain body is hashed as usual."""

    def payload(self, request: Any) -> str:
        body = request.body
        if not isinstance(body, UploadBody):
            return super().payload(request)
        return body.sha256_hex or "UNSIGNED-PAYLOAD"


@dataclass(frozen=True, slots=True)
class Clients:
    """`repeating` sends a failed request again, `once` never does: an ambiguous write has to be seen as one."""

    repeating: S3Client
    once: S3Client


def make_clients(options: S3Options) -> Clients:
    """Make both clients. Loads the SDK's model of S3, which takes a few tenths of a second.

    Raises `SettingsError` if the CA file cannot be used.
    """
    if options.ca_file:
        _require_authorities(options.ca_file)
    # The SDK's debug lines hold access key ids, signatures and whole canonical requests.
    logging.getLogger("botocore").setLevel(logging.INFO)
    session = _isolated_session()
    botocore.auth.AUTH_TYPE_MAPS[_SIGNER] = _KnownPayloadAuth
    return Clients(
        repeating=_client(session, options, attempts=options.read_attempts),
        once=_client(session, options, attempts=1),
    )


def _require_authorities(path: Path) -> None:
    """Raise `SettingsError` unless certificates can be read from `path`: the SDK would call it a network problem."""
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:
        raise SettingsError(
            f"the certificate authority file {path} cannot be used: {error.strerror or 'no certificate in it'}",
            hint="set S3_CA_FILE to a PEM file with the certificate authority's certificate",
        ) from None


def _isolated_session() -> Session:
    """Return a session in which every variable has its built-in default, whatever the environment says."""
    session = botocore.session.Session()
    defaults: dict[str, Any] = {name: entry[2] for name, entry in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()}
    defaults |= {"config_file": os.devnull, "credentials_file": os.devnull, "s3": None, "proxies_config": None}
    mapping = {name: ConstantProvider(value=value) for name, value in defaults.items()}
    session.register_component("config_store", ConfigValueStore(mapping=mapping))
    loader = Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
    session.register_component("data_loader", loader)
    return Session(botocore_session=session)


def _client(session: Session, options: S3Options, *, attempts: int) -> S3Client:
    defaults: dict[str, Any] = {"ignore_configured_endpoint_urls": True, "defaults_mode": "legacy"}
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": options.addressing_style, "payload_signing_enabled": True},
        retries={"mode": "standard", "total_max_attempts": attempts},
        connect_timeout=options.connect_timeout_s,
        read_timeout=options.read_timeout_s,
        tcp_keepalive=True,
        max_pool_connections=options.max_connections,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        proxies={"http": options.proxy, "https": options.proxy} if options.proxy else {},
        use_dualstack_endpoint=False,
        use_fips_endpoint=False,
        **defaults,
    )
    client = session.client(
        "s3",
        region_name=options.region,
        endpoint_url=options.endpoint,
        verify=str(options.ca_file) if options.ca_file else True,
        aws_access_key_id=options.access_key,
        aws_secret_access_key=options.secret_key,
        config=config,
    )
    events = client.meta.events
    events.register("before-call.s3", _stay_in_region)
    # As general as the SDK's own handler, which asks for it: a handler of one operation would be called before that.
    events.register_last("before-call.s3", _send_small_bodies_at_once)
    for operation in ("PutObject", "UploadPart"):
        events.register_first(f"choose-signer.s3.{operation}", _choose_signer)
    return client


def _choose_signer(**_event: Any) -> Any:
    return _SIGNER


def _stay_in_region(params: dict[str, Any], **_event: Any) -> None:
    """Tell the SDK that it was redirected already: it would send a refused write a second time to another region."""
    params["context"].setdefault("s3_redirect", {})["redirected"] = True


def _send_small_bodies_at_once(params: dict[str, Any], **_event: Any) -> None:
    """Do not ask for `100 Continue` first: it is a round trip, and SeaweedFS answers late while writers race."""
    body = params["body"]
    if isinstance(body, UploadBody) and len(body) <= _SMALL_BODY:
        params["headers"].pop("Expect", None)
