"""Which commit a worker version stands for: the values of `arkindex worker publish`, by its own rules.

What a person gives wins; in a GitLab pipeline GitLab's variables say the rest, and nothing else does; elsewhere git
does. Other than `publisher.provenance`, which collects what it finds for reports, this room refuses to guess: a value
that a worker version needs and nobody knows is an error that says where it was looked for.
"""

from publisher.revision.reading import ReadRevision, read_revision
from publisher.revision.values import (
    EVERY_VALUE,
    WITHOUT_COMMIT_TEXT,
    Given,
    Revision,
    RevisionError,
    RevisionProblem,
    Value,
)

__all__ = [
    "EVERY_VALUE",
    "WITHOUT_COMMIT_TEXT",
    "Given",
    "ReadRevision",
    "Revision",
    "RevisionError",
    "RevisionProblem",
    "Value",
    "read_revision",
]
