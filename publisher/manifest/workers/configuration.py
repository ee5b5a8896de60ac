"""One worker of `.arkindex.yml`, format 2: what each key may be, and the configuration that is sent for it.

Source of the keys and defaults: the client's own reader of that file. Other than the client this one refuses unknown
keys and values that no server takes.
"""

from __future__ import annotations

from publisher.manifest.nodes import MapNode, TextNode, describe, place
from publisher.manifest.problems import Problems
from publisher.manifest.typed import json_of
from publisher.manifest.workers.fields import Fields
from publisher.manifest.workers.values import ConfiguredWorker

USAGES = ("disabled", "supported", "required")
SLUG = r"[-a-zA-Z0-9_]{1,100}"
SLUG_RULE = "up to 100 letters, digits, `-` and `_`"

_KEYS = (
    "slug",
    "name",
    "type",
    "description",
    "gpu_usage",
    "model_usage",
    "configuration",
    "user_configuration",
    "secrets",
    "docker",
)
_PARAMETER_KEYS = ("title", "type", "required", "default", "choices", "subtype", "multiline")
_SHM_SIZE = r"0*[1-9][0-9]*[bkmgBKMG]?"


def read_worker(node: MapNode, field_path: str, problems: Problems) -> ConfiguredWorker | None:
    """Return the worker that a mapping describes, or None after adding the problems."""
    before = problems.count
    fields = Fields(node, field_path, problems, _KEYS)
    slug = fields.text("slug", required=True, pattern=SLUG, rule=SLUG_RULE)
    name = fields.text("name", required=True)
    kind = fields.text("type", required=True)
    description = fields.text("description")
    gpu_usage = fields.choice("gpu_usage", USAGES) or "disabled"
    model_usage = fields.choice("model_usage", USAGES) or "disabled"
    configuration = {
        "name": name,
        "slug": slug,
        "type": kind,
        "configuration": _free_mapping(fields, "configuration", problems),
        "user_configuration": _user_configuration(fields, problems),
        "secrets": _secrets(fields, problems),
        "docker": _docker(fields, problems),
    }
    if problems.count > before or slug is None or name is None or kind is None:
        return None
    return ConfiguredWorker(
        slug=slug,
        name=name,
        type=kind,
        gpu_usage=gpu_usage,
        model_usage=model_usage,
        configuration=configuration,
        description_path=description,
        line=node.line,
    )


def _free_mapping(fields: Fields, name: str, problems: Problems) -> object:
    node = fields.mapping(name)
    return {} if node is None else json_of(node, f"{fields.field_path}.{name}", problems)


def _user_configuration(fields: Fields, problems: Problems) -> object:
    node = fields.mapping("user_configuration")
    for name, (_, value) in node.entries.items() if node else ():
        path = f"{fields.field_path}.user_configuration.{name}"
        if not isinstance(value, MapNode):
            problems.error(place(value, path), f"expected a mapping, found {describe(value)}")
            continue
        parameter = Fields(value, path, problems, _PARAMETER_KEYS)
        parameter.text("title", required=True)
        parameter.text("type", required=True)
    return _free_mapping(fields, "user_configuration", problems)


def _secrets(fields: Fields, problems: Problems) -> list[str]:
    """Return the names of secrets; the secrets themselves are the server's."""
    node = fields.list("secrets")
    names = []
    for index, item in enumerate(node.items if node else ()):
        if isinstance(item, TextNode) and item.text.strip():
            names.append(item.text)
        else:
            path = f"{fields.field_path}.secrets[{index}]"
            problems.error(place(item, path), f"expected the name of a secret, found {describe(item)}")
    return names


def _docker(fields: Fields, problems: Problems) -> dict[str, object]:
    """Return both keys in any case, null where nothing is written, as the client sends them."""
    docker = fields.section("docker", ("command", "shm_size"))
    if docker is None:
        return {"command": None, "shm_size": None}
    command = docker.text("command")
    rule = "a size above 0: digits, and `b`, `k`, `m` or `g`"
    has_size = docker.text("shm_size", pattern=_SHM_SIZE, rule=rule) is not None
    return {"command": command, "shm_size": docker.json("shm_size") if has_size else None}
