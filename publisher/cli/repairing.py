"""The command that a person runs when `verify` found something: repair."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from publisher.cli import options
from publisher.cli.app import app, leave
from publisher.cli.loading import manifest_loader, selection_from
from publisher.cli.outputs import Outputs
from publisher.cli.session import Screen, Style, world_of
from publisher.cli.signals import stop_on_signals
from publisher.views.choose import ProgressMode


@app.command()
def repair(
    manifest: options.Manifest,
    *,
    take_over: Annotated[
        str | None,
        typer.Option(
            "--take-over",
            metavar="ID",
            help="Give up this orphan: keep a copy, put newly sealed bytes in its place, register them.",
            show_default=False,
        ),
    ] = None,
    exclusive: Annotated[
        bool,
        typer.Option(
            "--exclusive",
            help="No other publisher is running: waive an orphan's age, and stores without If-Match.",
        ),
    ] = False,
    only: options.Only = None,
    exclude: options.Exclude = None,
    destination: options.DestinationName = None,
    var: options.Variable = None,
    local: options.Local = None,
    timeout: options.Timeout = None,
    report: options.ReportFile = "publish-report.json",
    junit: options.Junit = None,
    summary: options.Summary = None,
    events: options.Events = None,
    progress: options.Progress = ProgressMode.AUTO,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    no_color: options.NoColor = False,
) -> None:
    """Finish what a crash left, and put registered bytes back where they are gone or changed. The row wins."""
    from publisher.commands.repair import RepairOptions
    from publisher.commands.repair import repair as story
    from publisher.manifest import project_root

    outputs = Outputs(report, junit, summary, events)
    screen = Screen(
        Style(progress, quiet=quiet, verbose=verbose, no_color=no_color),
        os.environ,
        is_stdout_taken=outputs.takes_stdout,
    )
    outputs.require_writable()
    wanted = RepairOptions(
        manifest_path=str(manifest),
        root=project_root(manifest),
        selection=selection_from(only, exclude, destination),
        take_over=take_over,
        exclusive=exclusive,
    )
    with stop_on_signals() as stop:
        with world_of(screen, stop, local=local, writes=True, events_file=events, timeout_s=timeout) as world:
            load = manifest_loader(manifest, world, var, sources_may_be_gone=True)
            done = story(load, world, wanted, on_error=screen.show_error)
        leave(outputs.write(done, screen, os.environ))
