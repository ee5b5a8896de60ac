"""Everything that is wrong with the settings of all destinations, as one error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from publisher.errors import SettingsError
from publisher.settings.environment import Environment


def settings_error(environments: Mapping[str, Environment]) -> SettingsError | None:
    """Return one error that names every missing and malformed setting of all destinations, or None."""
    missing = list(dict.fromkeys(name for env in environments.values() for name in env.missing))
    malformed = list(dict.fromkeys(text for env in environments.values() for text in env.malformed))
    if not missing and not malformed:
        return None
    parts = []
    if missing:
        parts.append("missing settings: " + ", ".join(missing))
    parts.extend(malformed)
    return SettingsError(
        "; ".join(parts),
        hint="set them in the environment (secrets also as NAME_FILE), or rehearse without any with --local",
    )


def joined(errors: Sequence[SettingsError]) -> SettingsError:
    """Return one error that says what each of these says, and the first hint."""
    texts = dict.fromkeys(error.message for error in errors)
    return SettingsError("; ".join(texts), hint=next((error.hint for error in errors if error.hint), None))
