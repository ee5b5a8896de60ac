"""What a device would get of one artifact, compared with what was registered and with the source. Reads only."""

from __future__ import annotations

from publisher.destinations.fleet.device import Download, check_download, open_row
from publisher.destinations.fleet.helping import Looked
from publisher.destinations.fleet.states import Wanted
from publisher.destinations.port import VerifyMode, VerifyResult
from publisher.errors import DamagedObjectError, NotFoundError
from publisher.model import Certainty, Digest, Observation, State
from publisher.registries.port import Row
from publisher.sources.fingerprints import Fingerprint


def verify_content(
    wanted: Wanted,
    looked: Looked,
    observation: Observation,
    *,
    source: Digest | None,
    fingerprint: Fingerprint,
    download: Download,
    mode: VerifyMode,
) -> VerifyResult:
    """Download through the CDN, check, and open if the key is known; `source` is None where it cannot be read.

    What was opened has to have the source's fingerprint; `fingerprint` is a new one of its kind.
    In the mode `head`, and for what is not published, the observation is the result.
    """
    row = _promised(wanted, looked)
    if mode == "head" or observation.state is not State.PUBLISHED or row is None:
        return VerifyResult(observation, content_compared=False)
    try:
        if row.encryption_key is None:
            check_download(row, download)
            return VerifyResult(observation, content_compared=False, is_downloaded=True)
        open_row(row, download, fingerprint.update, compression=wanted.compression)
    except (DamagedObjectError, NotFoundError) as error:
        damaged = Observation(State.DAMAGED, Certainty.VERIFIED, error.message, object=observation.object)
        return VerifyResult(damaged, content_compared=True)
    if source is None:
        return VerifyResult(observation, content_compared=False, is_downloaded=True, is_opened=True)
    if fingerprint.digest() != source:
        detail = "what devices download is not this source"
        differs = Observation(State.CONFLICT, Certainty.VERIFIED, detail, object=observation.object)
        return VerifyResult(differs, content_compared=True, is_downloaded=True, is_opened=True)
    return VerifyResult(observation, content_compared=True, is_downloaded=True, is_opened=True)


def _promised(wanted: Wanted, looked: Looked) -> Row | None:
    """Return what the registry, or a receipt in its place, promises to devices."""
    row, receipt = looked.seen.row, looked.seen.receipt
    if isinstance(row, Row):
        return row
    if receipt is None:
        return None
    return Row(wanted.identity, receipt.cdn_url, Digest(receipt.sha256), receipt.size_bytes, None)
