"""What assembly code leaves behind in the processor, cleaned up.

ISA-L's routines return with the upper halves of the vector registers in use. Until they are cleared, SSE code on the
same thread is slower: OpenSSL's SHA-256 by a quarter (1,790 to 1,330 MB/s on an AMD EPYC) and its AES decryption by
half. Python offers no instruction, but OpenSSL's SHA-512 executes VZEROUPPER at its end; on other processors the call
costs half a microsecond and does nothing.
"""

from __future__ import annotations

import hashlib
from typing import Final

_ONE_BLOCK: Final = bytes(128)


def clear_vector_registers() -> None:
    """Call after ISA-L, on the same thread, before anything that hashes or decrypts."""
    hashlib.sha512(_ONE_BLOCK)
