"""The commands that only look: validate, verify, fetch, explain, doctor, schema."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from publisher.atomic_file import require_writable, write_atomically
from publisher.cli import options
from publisher.cli.app import app, leave
from publisher.cli.loading import manifest_loader, selection_from, variables_from
from publisher.cli.session import Screen, Style, world_of
from publisher.cli.signals import stop_on_signals
from publisher.exit_codes import ExitCode, combine
from publisher.selection import Selection
from publisher.views.choose import ProgressMode


@app.command()
def validate(
    manifests: Annotated[list[Path], typer.Argument(metavar="MANIFEST...", show_default=False)],
    *,
    var: options.Variable = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    no_color: options.NoColor = False,
) -> None:
    """Check manifests offline and show every problem, never only the first."""
    from publisher.commands.validate import validate as story
    from publisher.commands.validate import validation_json

    screen = Screen(Style(quiet=quiet, no_color=no_color), os.environ)
    results = story(manifests, variables=variables_from(var), environment=dict(os.environ))
    for result in results:
        if result.error is not None:
            screen.show_error(result.error)
        elif result.manifest is not None:
            screen.show_warnings(result.manifest)
            screen.tell(f"{result.path}: valid, {len(result.manifest.artifacts)} artifacts")
    if as_json:
        screen.print(validation_json(results))
    leave(ExitCode.INPUT if any(result.error for result in results) else ExitCode.OK)


@app.command()
def verify(
    manifest: options.Manifest,
    *,
    mode: Annotated[
        options.VerifyDepth, typer.Option("--mode", help="Compare marks and sizes, or download and open everything.")
    ] = options.VerifyDepth.FULL,
    only: options.Only = None,
    exclude: options.Exclude = None,
    destination: options.DestinationName = None,
    var: options.Variable = None,
    local: options.Local = None,
    public_key: options.PublicKeys = None,
    jobs: options.Jobs = 4,
    timeout: options.Timeout = None,
    report: options.ReportOnRequest = None,
    as_json: options.AsJson = False,
    detailed_exitcode: options.DetailedExitCode = False,
    progress: options.Progress = ProgressMode.AUTO,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    no_color: options.NoColor = False,
) -> None:
    """Look at what is registered with a device's eye: download, check, decrypt, compare. Reads only."""
    from publisher.commands.public_keys import read_public_keys
    from publisher.commands.verify import verify as story
    from publisher.commands.verify import verify_exit_code, verify_json
    from publisher.views.listing import render_listing

    screen = Screen(Style(progress, quiet=quiet, verbose=verbose, no_color=no_color), os.environ, is_stdout_taken=True)
    if report not in {None, options.STANDARD_OUTPUT}:
        require_writable(Path(report))
    with stop_on_signals() as stop, world_of(screen, stop, local=local, writes=False, timeout_s=timeout) as world:
        results = story(
            manifest_loader(manifest, world, var, sources_may_be_gone=True),
            world,
            selection=selection_from(only, exclude, destination),
            mode=mode.value,
            jobs=jobs,
            trusted=read_public_keys(public_key or ()),
        )
    if report not in {None, options.STANDARD_OUTPUT}:
        write_atomically(Path(report), verify_json(results))
    if as_json or report == options.STANDARD_OUTPUT:
        screen.print(verify_json(results))
    elif not quiet:
        from publisher.cli.lines import verify_line

        title = f"{manifest}: {len(results)} artifacts looked at ({mode.value})"
        lines = [verify_line(found, verbose=verbose) for found in results]
        render_listing(title, lines, screen.printer(on_stdout=True))
    leave(verify_exit_code(results, detailed=detailed_exitcode, signal=stop.signal))


@app.command()
def fetch(
    artifact_id: Annotated[str, typer.Argument(metavar="ID", help="The artifact's id, as the plan shows it.")],
    *,
    output: options.Output,
    kind: Annotated[str, typer.Option("--kind", help="The kind of the destination: fleet, conda or webdav.")] = "fleet",
    env_prefix: Annotated[str, typer.Option("--env-prefix", help="The destination's env_prefix, if it has one.")] = "",
    local: options.Local = None,
    quiet: options.Quiet = False,
    no_color: options.NoColor = False,
) -> None:
    """Download one published artifact as a device or client would: checked, and decrypted where it is encrypted."""
    from publisher.commands.verify import fetch as story

    screen = Screen(Style(quiet=quiet, no_color=no_color), os.environ)
    with stop_on_signals() as stop, world_of(screen, stop, local=local, writes=False) as world:
        fetched = story(artifact_id, output, world, kind=kind, env_prefix=env_prefix)
    screen.tell(f"{output}: {fetched.size_bytes} bytes, sha256 {fetched.sha256}")
    leave(ExitCode.OK)


@app.command()
def explain(
    manifest: options.Manifest,
    artifact_id: Annotated[str, typer.Argument(metavar="ID", help="The artifact's id, as the plan shows it.")],
    *,
    var: options.Variable = None,
    local: options.Local = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no destination and need no settings.")] = False,
    no_color: options.NoColor = False,
) -> None:
    """Show where each value of one artifact came from, what the destination says, and what would be done."""
    from publisher.cli.lines import explain_lines
    from publisher.commands.plan import plan as story
    from publisher.commands.plan import plan_exit_code
    from publisher.views.listing import render_listing

    screen = Screen(Style(ProgressMode.NONE, no_color=no_color), os.environ)
    with stop_on_signals() as stop, world_of(screen, stop, local=local, writes=False) as world:
        only = Selection(only=(artifact_id,))
        made, _ = story(manifest_loader(manifest, world, var), world, selection=only, offline=offline)
    for row in made.rows:
        render_listing(str(row.id), explain_lines(row), screen.printer(on_stdout=True))
    leave(plan_exit_code(made, detailed=False))


@app.command()
def doctor(
    manifest: Annotated[Path | None, typer.Argument(metavar="[MANIFEST]", show_default=False)] = None,
    *,
    var: options.Variable = None,
    local: options.Local = None,
    create_tables: Annotated[
        bool, typer.Option("--create-tables", help="Make the registry's tables in RESOURCES_DATABASE_URL.")
    ] = False,
    as_json: options.AsJson = False,
    no_color: options.NoColor = False,
) -> None:
    """Check settings, credentials, what the store can do, and the tools found on this machine."""
    from publisher.cli.lines import finding_lines
    from publisher.commands.doctor import doctor as story
    from publisher.commands.doctor import doctor_json
    from publisher.views.listing import render_listing

    screen = Screen(Style(ProgressMode.NONE, no_color=no_color), os.environ)
    with (
        stop_on_signals() as stop,
        world_of(screen, stop, local=local, writes=local is not None and create_tables) as world,
    ):
        load = manifest_loader(manifest, world, var) if manifest is not None else None
        found = story(load, world, create_tables=create_tables)
    if as_json:
        screen.print(doctor_json(found))
    else:
        for name, findings in found.items():
            render_listing(name, finding_lines(findings), screen.printer(on_stdout=True))
    leave(combine(finding.exit_code for findings in found.values() for finding in findings))


@app.command()
def schema(
    document: Annotated[options.SchemaName, typer.Argument(show_default=False)],
) -> None:
    """Print the JSON Schema of a manifest, a saved plan or a report."""
    from publisher.commands.schema import schema_text

    Screen(Style(), os.environ).print(schema_text(document.value))
    leave(ExitCode.OK)
