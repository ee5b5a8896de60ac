"""A worker's definition, `arkindex/NAME.yml`: checked as strictly as the client does, before anything is sent.

The server reads the configuration out of the text itself, so that nothing here is converted or handed on but the names.
"""

from __future__ import annotations

from publisher.manifest.nodes import MapNode
from publisher.manifest.problems import Problems
from publisher.manifest.workers.configuration import SLUG, SLUG_RULE, USAGES
from publisher.manifest.workers.fields import Fields
from publisher.manifest.workers.values import DefinedWorker

_KEYS = (
    "slug",
    "display_name",
    "type",
    "description",
    "gpu_usage",
    "model_usage",
    "docker",
    "configuration",
)
_PARAMETER_KEYS = (
    "key",
    "display_name",
    "type",
    "help_text",
    "default",
    "many",
    "editable",
    "required",
    "choices",
    "children",
)
_PARAMETER_TYPES = (
    "bool",
    "corpus_export",
    "dict",
    "element_type",
    "enum",
    "float",
    "group",
    "int",
    "model",
    "s3_bucket",
    "secret",
    "string",
    "text",
    "worker_version",
)
_MAX_NAME = 100
_MAX_PARAMETER_NAME = 250


def read_definition(root: MapNode, text: str, problems: Problems) -> DefinedWorker | None:
    """Return the worker that a document defines, or None after adding the problems. `text` is the whole file."""
    before = problems.count
    fields = Fields(root, "", problems, _KEYS)
    slug = fields.text("slug", required=True, pattern=SLUG, rule=SLUG_RULE)
    name = fields.text("display_name", required=True, limit=_MAX_NAME)
    kind = fields.text("type", required=True, limit=_MAX_NAME)
    description = fields.text("description", required=True)
    fields.choice("gpu_usage", USAGES)
    fields.choice("model_usage", USAGES)
    docker = fields.section("docker", ("command", "shm_size"))
    if docker is not None:
        docker.text("command")
        docker.text("shm_size", pattern=r"[0-9]+[bkmg]?", rule="digits, and `b`, `k`, `m` or `g`")
    _check_parameters(fields, "configuration")
    if problems.count > before or slug is None or name is None or kind is None or description is None:
        return None
    return DefinedWorker(slug=slug, name=name, type=kind, description=description, text=text, line=root.line)


def _check_parameters(fields: Fields, name: str) -> None:
    """Check a list of parameters, those below them included: the document limits the depth."""
    for parameter in fields.mappings(name, _PARAMETER_KEYS):
        parameter.text("key", required=True, limit=_MAX_PARAMETER_NAME)
        parameter.text("display_name", required=True, limit=_MAX_PARAMETER_NAME)
        parameter.choice("type", _PARAMETER_TYPES, required=True)
        for flag in ("many", "editable", "required"):
            if not isinstance(parameter.json(flag), bool | None):
                parameter.refuse(flag, f"`{flag}` is true or false")
        choices = parameter.list("choices")
        if choices is not None and len(choices.items) < 2:
            parameter.refuse("choices", "`choices` has two values or more")
        _check_parameters(parameter, "children")
