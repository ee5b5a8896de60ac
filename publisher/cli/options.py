"""The command line's options that several commands share: names, types and help, once."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from publisher.views.choose import ProgressMode


class VerifyDepth(StrEnum):
    """How closely stored bytes are looked at."""

    HEAD = "head"
    FULL = "full"


class SchemaName(StrEnum):
    """The documents that have a schema."""

    MANIFEST = "manifest"
    PLAN = "plan"
    REPORT = "report"


DEFAULT_LOCAL = ".publish/local"
STANDARD_OUTPUT = "-"


def _folder(text: str) -> Path:
    if not text:
        raise typer.BadParameter("an empty text names no folder; the current one is .")
    return Path(text)


def _new_file(text: str) -> Path:
    """Return where to write. Only reports go to standard output, and each of them says so."""
    if text in {"", STANDARD_OUTPUT}:
        raise typer.BadParameter("this needs the name of a file; only --report takes - for standard output")
    return Path(text)


def _report(text: str) -> str:
    if not text:
        raise typer.BadParameter("an empty text names no file; - is standard output")
    return text


Manifest = Annotated[Path, typer.Argument(metavar="MANIFEST", help="The YAML manifest.", show_default=False)]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only", metavar="PATTERN", help="Only artifacts whose id matches, such as 'fleet:dev/*'. Repeatable."
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option("--exclude", metavar="PATTERN", help="Leave out artifacts whose id matches. Repeatable."),
]
DestinationName = Annotated[
    list[str] | None,
    typer.Option("--destination", metavar="NAME", help="Only this destination's artifacts. Repeatable."),
]
Variable = Annotated[
    list[str] | None, typer.Option("--var", metavar="NAME=VALUE", help="Set a variable of the manifest. Repeatable.")
]
Local = Annotated[
    Path | None,
    typer.Option(
        "--local",
        parser=_folder,
        metavar="[DIR]",
        help=f"Rehearse in a folder (default {DEFAULT_LOCAL}): no server, no secret, the same protocol.",
        show_default=False,
    ),
]
PublicKeys = Annotated[
    list[Path] | None,
    typer.Option(
        "--public-key",
        metavar="FILE",
        help="Also require a statement signed with this ed25519 key (PEM, or base64). Repeatable: any of them.",
        show_default=False,
    ),
]
Jobs = Annotated[int, typer.Option("--jobs", min=1, max=64, metavar="N", help="Artifacts in flight at once.")]
ReportFile = Annotated[
    str,
    typer.Option(
        "--report", parser=_report, metavar="FILE", help="Where the JSON report is written; - is standard output."
    ),
]
ReportOnRequest = Annotated[
    str | None,
    typer.Option(
        "--report",
        parser=_report,
        metavar="FILE",
        help="Also write the result as JSON; - is standard output.",
        show_default=False,
    ),
]
Progress = Annotated[ProgressMode, typer.Option("--progress", help="How progress is shown on standard error.")]
Verify = Annotated[
    VerifyDepth,
    typer.Option(
        "--verify", help="How an upload is checked before it is registered: by its marks, or read back in full."
    ),
]
AllowUnfenced = Annotated[
    bool,
    typer.Option(
        "--allow-unfenced",
        help="Publish to a store that keeps no two publishers apart. Not safe: no other publisher may be running.",
    ),
]
Reread = Annotated[
    bool,
    typer.Option("--reread", help="Read every file again, also those that have not changed since they were read."),
]
Junit = Annotated[
    Path | None,
    typer.Option("--junit", parser=_new_file, metavar="FILE", help="Write a JUnit test case per artifact."),
]
Summary = Annotated[
    Path | None,
    typer.Option(
        "--summary", parser=_new_file, metavar="FILE", help="Append a Markdown summary (GitHub's is found by itself)."
    ),
]
Events = Annotated[
    Path | None,
    typer.Option("--events", parser=_new_file, metavar="FILE", help="Write every event as a line of JSON."),
]
Out = Annotated[
    Path | None, typer.Option("--out", parser=_new_file, metavar="FILE", help="Save the plan, to apply it later.")
]
Output = Annotated[
    Path, typer.Option("--output", "-o", parser=_new_file, metavar="FILE", help="Where the file is written.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
FailFast = Annotated[bool, typer.Option("--fail-fast", help="Start nothing new after the first failure.")]
DetailedExitCode = Annotated[
    bool, typer.Option("--detailed-exitcode", help="Exit 2 if there is something to do (plan) or drift (verify).")
]
Timeout = Annotated[
    float | None,
    typer.Option(
        "--timeout", min=1, metavar="SECONDS", help="Start and repeat nothing after this time.", show_default=False
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors and the last line.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show object keys, digests and durations, too.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colour; NO_COLOR in the environment does the same.")]


def with_local_value(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with a value after each bare `--local`, whose value is optional.

    What follows is its value unless it is another option or a YAML file, which is the manifest.
    """
    given: list[str] = []
    for index, argument in enumerate(arguments):
        if argument == "--":
            return [*given, *arguments[index:]]
        following = arguments[index + 1] if index + 1 < len(arguments) else "-"
        is_bare = following.startswith("-") or following.endswith((".yaml", ".yml"))
        given.append(f"--local={DEFAULT_LOCAL}" if argument == "--local" and is_bare else argument)
    return given


def with_each_tag(arguments: Sequence[str]) -> list[str]:
    """Return the arguments of `worker` with `--revision-tags` before each of its values, as the option is documented.

    Its values end at the next option. Other commands have no such option.
    """
    if not arguments or arguments[0] != "worker":
        return list(arguments)
    given: list[str] = []
    is_listing = False
    for index, argument in enumerate(arguments):
        if argument == "--":
            return [*given, *arguments[index:]]
        following = arguments[index + 1] if index + 1 < len(arguments) else "-"
        if argument == "--revision-tags" and not following.startswith("-"):
            is_listing = True
        elif argument.startswith("-") or not is_listing:
            is_listing = False
            given.append(argument)
        else:
            given.append(f"--revision-tags={argument}")
    return given
