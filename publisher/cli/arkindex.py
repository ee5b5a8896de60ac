"""The command that publishes worker versions without a manifest: the flags of `arkindex worker publish`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from publisher.cli import options
from publisher.cli.app import app, leave
from publisher.cli.outputs import Outputs
from publisher.cli.session import Screen, Style, world_of
from publisher.cli.signals import stop_on_signals
from publisher.views.choose import ProgressMode

if TYPE_CHECKING:
    from publisher.manifest import Manifest

_ELSE = "By default from GitLab's variables in a GitLab pipeline, else from git."


@app.command()
def worker(
    image: Annotated[
        str, typer.Argument(metavar="IMAGE", help="The Docker image's name in its registry.", show_default=False)
    ],
    *,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="What describes the workers. By default .arkindex.yml, or the definitions in arkindex/.",
            show_default=False,
        ),
    ] = None,
    repository_url: Annotated[
        str | None, typer.Option("--repository-url", metavar="URL", help=f"The worker's repository. {_ELSE}")
    ] = None,
    revision_hash: Annotated[
        str | None, typer.Option("--revision-hash", metavar="HASH", help="The commit, whole.")
    ] = None,
    revision_message: Annotated[
        str | None, typer.Option("--revision-message", metavar="TEXT", help="Its message.")
    ] = None,
    revision_author: Annotated[
        str | None, typer.Option("--revision-author", metavar="NAME", help="The name of its author.")
    ] = None,
    revision_branch: Annotated[
        str | None, typer.Option("--revision-branch", metavar="NAME", help="Its branch; '' for none.")
    ] = None,
    revision_tags: Annotated[
        list[str] | None,
        typer.Option("--revision-tags", metavar="NAME...", help="Its tags, one or more; '' for none."),
    ] = None,
    revision_url: Annotated[
        str | None,
        typer.Option("--revision-url", metavar="URL", help="Its page. By default REPOSITORY_URL/commit/HASH."),
    ] = None,
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
    """Publish a version of each worker that a repository describes to Arkindex, through the same code as a manifest."""
    from publisher.commands.apply import ApplyOptions
    from publisher.commands.apply import apply as story
    from publisher.revision import Value

    given = {
        Value.REPOSITORY_URL: repository_url,
        Value.HASH: revision_hash,
        Value.MESSAGE: revision_message,
        Value.AUTHOR: revision_author,
        Value.BRANCH: revision_branch,
        Value.URL: revision_url,
    }
    outputs = Outputs(report, junit, summary, events)
    screen = Screen(
        Style(progress, quiet=quiet, verbose=verbose, no_color=no_color),
        os.environ,
        is_stdout_taken=outputs.takes_stdout,
    )
    outputs.require_writable()

    def load() -> Manifest:
        from publisher.manifest.worker_flags import workers_from_flags

        return workers_from_flags(
            image=image,
            config=config,
            values={value: text for value, text in given.items() if text is not None},
            tags=revision_tags,
            environment=os.environ,
        )

    with stop_on_signals() as stop:
        with world_of(screen, stop, local=local, writes=True, events_file=events, timeout_s=timeout) as world:
            root = config.parent if config else Path()
            wanted = ApplyOptions(manifest_path="", root=root)
            done = story(load, world, wanted, on_error=screen.show_error)
        leave(outputs.write(done, screen, os.environ))
