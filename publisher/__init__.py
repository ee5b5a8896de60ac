"""Declarative, manifest-driven batch publisher of encrypted artifacts.

`apply` publishes a manifest, `publish_artifact` one file; both return what the command `publish` writes as its report.
Both are imported when they are first asked for: every start of the command goes through here.
"""

from typing import TYPE_CHECKING

from publisher.version import __version__

if TYPE_CHECKING:
    from publisher.api import apply, publish_artifact

__all__ = ["__version__", "apply", "publish_artifact"]

if not TYPE_CHECKING:  # a type checker would take any name for one of this package

    def __getattr__(name: str) -> object:
        """Return a public function (PEP 562)."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from publisher import api

        return getattr(api, name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
