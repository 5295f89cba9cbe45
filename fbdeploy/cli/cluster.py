"""``fbdeploy cluster``: keys, scheduler, host and status of several machines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fbdeploy.cli import options
from fbdeploy.cli.output import only_result_on_stdout
from fbdeploy.cli.types import paths
from fbdeploy.cli.types.reading import text

PlanFile = Annotated[
    Path,
    typer.Argument(parser=paths.file_in, metavar="PLAN", help="The cluster's TOML file."),
]

cluster = typer.Typer(
    help="Several machines that deploy, score and time together.",
    epilog="Example:  fbdeploy cluster status cluster.toml",
    rich_markup_mode=None,
    no_args_is_help=True,
)


@cluster.command(short_help="Make the cluster's own certificates.")
def keys(
    folder: Annotated[
        Path,
        typer.Argument(
            parser=paths.folder_out, metavar="FOLDER", help="New folder for the certificates."
        ),
    ],
    as_json: options.Json = False,
) -> None:
    """Make the cluster's own certificates; who has them may run code on every host.

    Copy the folder to each machine, over a connection that you trust.

    Example:  fbdeploy cluster keys keys
    """
    with only_result_on_stdout() as result:
        from fbdeploy.cluster.keys import FILES, make_keys

        ends = make_keys(folder)
        if as_json:
            result.json(
                {"folder": str(folder), "files": list(FILES), "valid_until": ends.isoformat()}
            )
        else:
            result.text(f"{folder}: {', '.join(FILES)}, valid until {ends:%Y-%m-%d}")


@cluster.command()
def scheduler(plan: PlanFile) -> None:
    """Place jobs on the hosts that join, until interrupted.

    Example:  fbdeploy cluster scheduler cluster.toml
    """
    from fbdeploy.cluster.engine import say
    from fbdeploy.cluster.plan import read_plan
    from fbdeploy.cluster.scheduler import run_scheduler

    run_scheduler(read_plan(plan), say)


@cluster.command()
def host(
    plan: PlanFile,
    name: Annotated[
        str,
        typer.Option("--name", parser=text, metavar="NAME", help="Which of the plan's hosts."),
    ],
) -> None:
    """Run jobs on this machine and its devices, until interrupted.

    Example:  fbdeploy cluster host cluster.toml --name lab1
    """
    from fbdeploy.cluster.engine import say
    from fbdeploy.cluster.host import run_host
    from fbdeploy.cluster.plan import read_plan

    run_host(read_plan(plan), name, say)


@cluster.command(short_help="The hosts that have joined, and what differs there.")
def status(plan: PlanFile, as_json: options.Json = False) -> None:
    """Show which hosts have joined, what they have and run, and what differs there.

    Example:  fbdeploy cluster status cluster.toml
    """
    with only_result_on_stdout() as result:
        from fbdeploy.cluster.plan import read_plan
        from fbdeploy.cluster.status import cluster_status, summary

        found = cluster_status(read_plan(plan))
        if as_json:
            result.json(found)
        else:
            result.text(summary(found))
    if not found.complete:
        raise typer.Exit(1)
