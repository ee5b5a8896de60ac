"""Declarative, manifest-driven batch publisher of encrypted artifacts.

`apply` publishes a manifest, `publish_artifact` one file; both return what the command `publish` writes as its report.
"""

from publisher.api import apply, publish_artifact
from publisher.version import __version__

__all__ = ["__version__", "apply", "publish_artifact"]
