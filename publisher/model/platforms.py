"""What a processor architecture is called: the manifest's many words, and an image's own (GOARCH and variant).

Words that name no processor, such as `jetson` or `any`, mean nothing here and are compared with nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_WORD = re.compile(r"[A-Za-z0-9._-]{1,40}")
_SEPARATORS = re.compile(r"[/_.-]")
_WORDS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("amd64", "x8664", "x64"), ("amd64", "")),
    **dict.fromkeys(("arm64", "aarch64", "arm64v8", "armv8"), ("arm64", "")),
    "arm": ("arm", ""),
    **dict.fromkeys(("armv7", "armv7l", "armv7a", "armhf", "arm32v7"), ("arm", "v7")),
    **dict.fromkeys(("armv6", "armv6l", "arm32v6"), ("arm", "v6")),
    **dict.fromkeys(("armv5", "armel", "arm32v5"), ("arm", "v5")),
    **dict.fromkeys(("386", "i386", "i486", "i586", "i686", "x86"), ("386", "")),
    **dict.fromkeys(("ppc64le", "ppc64el", "powerpc64le"), ("ppc64le", "")),
    **dict.fromkeys(("loong64", "loongarch64"), ("loong64", "")),
    **dict.fromkeys(("mips64le", "mips64el"), ("mips64le", "")),
    "riscv64": ("riscv64", ""),
    "s390x": ("s390x", ""),
}
_VARIANTS = ("v5", "v6", "v7", "v8")


@dataclass(frozen=True, slots=True)
class Platform:
    """What an image runs on, in the words of its configuration (OCI image-spec, config.md); empty where unknown."""

    architecture: str
    variant: str = ""
    os: str = "linux"

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    def runs(self, image: Platform) -> bool:
        """Say whether a device of this platform can run an image. A smaller variant of ARM runs on a larger one.

        An image that does not say what it is for is taken at its word: nothing can be compared.
        """
        if not image.architecture:
            return True
        if image.architecture != self.architecture:
            return False
        if self.variant in _VARIANTS and image.variant in _VARIANTS:
            return _VARIANTS.index(image.variant) <= _VARIANTS.index(self.variant)
        return True


def platform_named(word: str) -> Platform | None:
    """Return the platform that a manifest's architecture names, or None if the word names no processor."""
    key = _SEPARATORS.sub("", word.lower().removeprefix("linux"))
    found = _WORDS.get(key)
    return Platform(*found) if found else None


def platform_of(config: Mapping[str, object]) -> Platform:
    """Return what an image's configuration says it runs on. A value that is no word counts as not given."""

    def word(name: str) -> str:
        value = config.get(name)
        return value if isinstance(value, str) and _WORD.fullmatch(value) else ""

    return Platform(word("architecture"), variant=word("variant"), os=word("os"))
