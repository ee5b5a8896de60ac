"""The commands that decide and publish: plan, apply, artifact."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from publisher.atomic_file import require_writable
from publisher.cli import options
from publisher.cli.app import app, leave
from publisher.cli.loading import load_saved_plan, manifest_loader, selection_from
from publisher.cli.outputs import Outputs
from publisher.cli.session import Screen, Style, world_of
from publisher.cli.signals import stop_on_signals
from publisher.version import __version__
from publisher.views.choose import ProgressMode


@app.command()
def plan(
    manifest: options.Manifest,
    *,
    only: options.Only = None,
    exclude: options.Exclude = None,
    destination: options.DestinationName = None,
    var: options.Variable = None,
    local: options.Local = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no destination and need no settings.")] = False,
    as_json: options.AsJson = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table on standard output.")] = False,
    out: options.Out = None,
    jobs: options.Jobs = 4,
    reread: options.Reread = False,
    detailed_exitcode: options.DetailedExitCode = False,
    progress: options.Progress = ProgressMode.AUTO,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    no_color: options.NoColor = False,
) -> None:
    """Show what apply would do. Reads files and destinations, writes nothing anywhere."""
    from publisher.commands.plan import plan as story
    from publisher.commands.plan import plan_exit_code
    from publisher.manifest import project_root

    screen = Screen(Style(progress, quiet=quiet, verbose=verbose, no_color=no_color), os.environ, is_stdout_taken=True)
    if out is not None:
        require_writable(out)
    with stop_on_signals() as stop, world_of(screen, stop, local=local, writes=False, reread=reread) as world:
        selection = selection_from(only, exclude, destination)
        load = manifest_loader(manifest, world, var)
        made, read = story(load, world, selection=selection, offline=offline, jobs=jobs)
        if out is not None or as_json:
            from publisher.planfile import SavedPlan, plan_json, write_plan

            root = project_root(manifest)
            facts = world.provenance(root)
            destinations = tuple(read.destinations.values())
            saved = SavedPlan(made, root, destinations, __version__, git=facts.git, ci=facts.ci)
    if out is not None:
        write_plan(out, saved)
    if as_json:
        screen.print(plan_json(saved))
    elif markdown:
        from publisher.views.markdown import plan_markdown

        screen.print(plan_markdown(made))
    elif not quiet:
        from publisher.views.plan_table import render_plan

        same_place = ["--local", str(local)] if local else []
        chosen = [
            *(word for pattern in only or () for word in ("--only", pattern)),
            *(word for pattern in exclude or () for word in ("--exclude", pattern)),
            *(word for name in destination or () for word in ("--destination", name)),
            *(word for assignment in var or () for word in ("--var", assignment)),
        ]
        given = ["--plan", str(out)] if out else [str(manifest), *chosen]
        command = shlex.join(["publish", "apply", *given, *same_place])
        render_plan(made, screen.printer(on_stdout=True), apply_command=command, verbose=verbose)
    leave(plan_exit_code(made, detailed=detailed_exitcode))


@app.command()
def apply(
    manifest: Annotated[Path | None, typer.Argument(metavar="[MANIFEST]", show_default=False)] = None,
    *,
    saved_plan: Annotated[
        Path | None, typer.Option("--plan", metavar="FILE", help="Apply a plan that `publish plan --out` saved.")
    ] = None,
    only: options.Only = None,
    exclude: options.Exclude = None,
    destination: options.DestinationName = None,
    var: options.Variable = None,
    local: options.Local = None,
    jobs: options.Jobs = 4,
    reread: options.Reread = False,
    verify: options.Verify = options.VerifyDepth.HEAD,
    allow_unfenced: options.AllowUnfenced = False,
    fail_fast: options.FailFast = False,
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
    """Plan, then publish what is missing. Running it again publishes nothing twice."""
    from publisher.commands.apply import ApplyOptions, apply_saved
    from publisher.commands.apply import apply as story
    from publisher.manifest import project_root

    outputs = Outputs(report, junit, summary, events)
    screen = Screen(
        Style(progress, quiet=quiet, verbose=verbose, no_color=no_color),
        os.environ,
        is_stdout_taken=outputs.takes_stdout,
    )
    path = manifest or Path()
    wanted = ApplyOptions(
        manifest_path=str(manifest or ""),
        root=project_root(path),
        selection=selection_from(only, exclude, destination),
        jobs=jobs,
        fail_fast=fail_fast,
    )
    if (manifest is None) == (saved_plan is None):
        raise typer.BadParameter("give either a MANIFEST or --plan FILE")
    if saved_plan is not None and var:
        raise typer.BadParameter("--var cannot change a saved plan; make a new one")
    outputs.require_writable()
    with stop_on_signals() as stop:
        with world_of(
            screen,
            stop,
            local=local,
            writes=True,
            verify=verify.value,
            events_file=events,
            timeout_s=timeout,
            allow_unfenced=allow_unfenced,
            reread=reread,
        ) as world:
            if saved_plan is not None:
                done = apply_saved(lambda: load_saved_plan(saved_plan), world, wanted, on_error=screen.show_error)
            else:
                done = story(manifest_loader(path, world, var), world, wanted, on_error=screen.show_error)
        leave(outputs.write(done, screen, os.environ))


@app.command()
def artifact(
    *,
    file: Annotated[Path, typer.Option("--file", help="The file to publish.", show_default=False)],
    resource_name: Annotated[str, typer.Option("--resource-name", show_default=False)],
    dev_stage: Annotated[str, typer.Option("--dev-stage", show_default=False)],
    architecture: Annotated[str, typer.Option("--architecture", show_default=False)],
    version: Annotated[str, typer.Option("--version", show_default=False)],
    compression: Annotated[str, typer.Option("--compression", help="fast, best or none.")] = "fast",
    local: options.Local = None,
    verify: options.Verify = options.VerifyDepth.HEAD,
    allow_unfenced: options.AllowUnfenced = False,
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
    """Publish one file to the fleet: a manifest of one, through the same code."""
    from publisher.commands.apply import ApplyOptions
    from publisher.commands.apply import apply as story
    from publisher.manifest import artifact_from_flags

    outputs = Outputs(report, junit, summary, events)
    screen = Screen(
        Style(progress, quiet=quiet, verbose=verbose, no_color=no_color),
        os.environ,
        is_stdout_taken=outputs.takes_stdout,
    )
    outputs.require_writable()
    with stop_on_signals() as stop:
        with world_of(
            screen,
            stop,
            local=local,
            writes=True,
            verify=verify.value,
            events_file=events,
            timeout_s=timeout,
            allow_unfenced=allow_unfenced,
        ) as world:
            done = story(
                lambda: artifact_from_flags(
                    file=file,
                    resource_name=resource_name,
                    dev_stage=dev_stage,
                    architecture=architecture,
                    version=version,
                    compression=compression,
                ),
                world,
                ApplyOptions(manifest_path="", root=file.parent, jobs=1),
                on_error=screen.show_error,
            )
        leave(outputs.write(done, screen, os.environ))
