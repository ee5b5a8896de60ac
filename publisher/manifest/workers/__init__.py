"""Files that describe Arkindex workers: `.arkindex.yml` of format 2 with what it names, and worker definitions.

Reads the bytes it is handed. Where Arkindex's own client drops an unknown key in silence, this room says where it is.
"""

from publisher.manifest.workers.reading import Listing, Pointer, read_configured, read_defined, read_listing
from publisher.manifest.workers.values import ConfiguredWorker, DefinedWorker, Worker

__all__ = [
    "ConfiguredWorker",
    "DefinedWorker",
    "Listing",
    "Pointer",
    "Worker",
    "read_configured",
    "read_defined",
    "read_listing",
]
