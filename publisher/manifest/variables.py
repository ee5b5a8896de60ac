"""The values that come from outside the manifest: `--var`, the environment, Git and CI facts.

It refuses to hand an environment variable whose name says that it is a secret to a manifest: an artifact's names are
public, and a pull request may change the manifest.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from publisher.manifest.interpolation import ROW_SCOPES, Bound, Fixed, Reference, Scope, TemplateError, missing

_SECRET_WORDS = frozenset(
    {"KEY", "KEYS", "SECRET", "SECRETS", "TOKEN", "TOKENS", "PASSWORD", "PASSWD", "PASS", "PASSPHRASE"}
    | {"CREDENTIAL", "CREDENTIALS", "PRIVATE", "PAT", "DSN", "JWT"}
)

Suggest = Callable[[str, Collection[str]], str | None]


@dataclass(frozen=True, slots=True)
class Variables:
    """What `${...}` may refer to, apart from matrix and captures. `facts` is asked lazily and once a name."""

    variables: Mapping[str, str]
    environment: Mapping[str, str]
    facts: Callable[[str], str | None]
    _known_facts: dict[str, str | None] = field(default_factory=dict)

    def bind(
        self,
        parts: tuple[str | Reference, ...],
        *,
        row_names: Mapping[Scope, Collection[str]],
        suggest: Suggest,
    ) -> Bound:
        """Fill in every value that does not depend on the artifact.

        `row_names` are the names of the matrix and of the captures that the entry has. Raises `TemplateError` for the
        first reference that has no value; a `default` is used where a value is not set or empty, as in a shell.
        """
        bound: list[Fixed | Reference] = []
        details: dict[str, None] = {}
        for part in parts:
            if isinstance(part, str):
                bound.append(Fixed(part, part, literal=False))
            elif part.scope in ROW_SCOPES:
                _require_known(part, row_names.get(part.scope, ()), suggest)
                bound.append(part)
                details[part.key] = None
            else:
                text, detail = self._value(part, suggest)
                shown = text if detail.startswith("default") else part.mask
                bound.append(Fixed(text, shown, literal=True))
                details[detail] = None
        return Bound(tuple(bound), tuple(details))

    def _value(self, reference: Reference, suggest: Suggest) -> tuple[str, str]:
        value, detail = self._look_up(reference)
        if value or (value is not None and reference.default is None and reference.message is None):
            return value, detail
        if reference.default is not None:
            return reference.default, f"default of {reference.key} (not set)"
        raise missing(reference, hint=self._hint(reference, suggest))

    def _look_up(self, reference: Reference) -> tuple[str | None, str]:
        if reference.scope is not Scope.ENVIRONMENT:
            if reference.key not in self._known_facts:
                self._known_facts[reference.key] = self.facts(reference.key)
            return self._known_facts[reference.key], f"{reference.key} (value not shown)"
        if reference.name in self.variables:
            return self.variables[reference.name], f"--var {reference.name} (value not shown)"
        if _names_a_secret(reference.name):
            raise TemplateError(
                f"`{reference.name}` reads like a secret: it is not taken from the environment",
                offset=reference.offset,
                hint=f"names of artifacts are public; if it is no secret, pass it: `--var {reference.name}=…`",
            )
        return self.environment.get(reference.name), f"environment {reference.name} (value not shown)"

    def _hint(self, reference: Reference, suggest: Suggest) -> str:
        if reference.scope is not Scope.ENVIRONMENT:
            return f"this checkout or pipeline does not have it: give a default, `${{{reference.key}:-…}}`"
        near = suggest(reference.name, [*self.variables, *self.environment])
        advice = f"set it in the environment, or pass `--var {reference.name}=…`"
        return f"{near} Otherwise {advice}" if near else advice


def _require_known(reference: Reference, names: Collection[str], suggest: Suggest) -> None:
    if reference.name in names:
        return
    if not names:
        needed = "a `matrix`" if reference.scope is Scope.MATRIX else "a `files` pattern with `{names}`"
        raise TemplateError(
            f"`{reference.key}` needs {needed}, which this entry does not have", offset=reference.offset
        )
    near = suggest(reference.key, [f"{reference.scope}.{name}" for name in names])
    known = ", ".join(f"`{reference.scope}.{name}`" for name in list(names)[:8])
    raise TemplateError(
        f"there is no `{reference.key}`", offset=reference.offset, hint=near or f"this entry has {known}"
    )


def _names_a_secret(name: str) -> bool:
    words = name.upper().split("_")
    return not _SECRET_WORDS.isdisjoint(words) or name.upper().endswith("DATABASE_URL")
