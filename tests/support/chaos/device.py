"""A device: takes rows, downloads, checks and opens what they point to. It shares no code with the publisher."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

Rows = Callable[[], Sequence[Mapping[str, Any]]]
Download = Callable[[str], bytes]


def object_key(row: Mapping[str, Any]) -> str:
    return f"{row['dev_stage']}/{row['resource_name']}-{row['architecture']}-{row['version']}.enc"


def opened(row: Mapping[str, Any], sealed: bytes) -> bytes:
    """Return the plaintext of `sealed`. ValueError, with what is wrong, if the row does not fit the bytes."""
    if len(sealed) != row["size_bytes"]:
        raise ValueError(f"{len(sealed)} bytes instead of {row['size_bytes']}")
    if hashlib.sha256(sealed).hexdigest() != row["sha256"]:
        raise ValueError("another sha256")
    decryptor = Cipher(algorithms.AES(bytes.fromhex(row["encryption_key"])), modes.CBC(sealed[:16])).decryptor()
    unpadder = PKCS7(128).unpadder()
    padded = decryptor.update(sealed[16:]) + decryptor.finalize()
    return gzip.decompress(unpadder.update(padded) + unpadder.finalize())


def broken_rows(rows: Sequence[Mapping[str, Any]], download: Download, sources: Mapping[str, bytes]) -> list[str]:
    """Return what is wrong with each row that cannot be opened to its source, by object key."""
    problems = []
    for row in rows:
        key = object_key(row)
        try:
            if opened(row, download(key)) != sources[row["resource_name"]]:
                problems.append(f"{key}: opens to another file")
        except Exception as error:  # a device that cannot open it does not care why
            problems.append(f"{key}: {type(error).__name__}: {error}")
    return problems


class Device:
    """Opens every row again and again in a thread of its own; a context manager. `broken` is what went wrong."""

    def __init__(self, rows: Rows, download: Download, sources: Mapping[str, bytes], *, pause_s: float = 0.05) -> None:
        self.broken: list[str] = []
        self.looks = 0
        self._rows, self._download, self._sources, self._pause_s = rows, download, sources, pause_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="device", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join(30)

    def _run(self) -> None:
        while not self._stop.wait(self._pause_s):
            rows = self._rows()
            self.looks += len(rows)
            self.broken += broken_rows(rows, self._download, self._sources)
