"""The application object that commands register with, and how a command leaves."""

from __future__ import annotations

import sys
from typing import Annotated, NoReturn

import typer

from publisher.version import __version__

app = typer.Typer(
    name="publish",
    help="Publish the artifacts of a manifest: encrypted, stored once, registered. Running again does nothing twice.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def leave(code: int) -> NoReturn:
    """End the command with this exit code."""
    raise typer.Exit(int(code))


@app.callback(invoke_without_command=True)
def publish(
    context: typer.Context,
    *,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.", is_eager=True)] = False,
) -> None:
    if version:
        sys.stdout.write(f"publish {__version__}\n")
        leave(0)
