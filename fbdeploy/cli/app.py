"""The ``fbdeploy`` program: its commands, and how every way of ending becomes an exit code.

0: done. 1: done, but something failed or a check did not hold. 2: bad input, with one line that
says what to do. 130: interrupted. With ``--json`` the line is a document on stdout too. Commands
import what is heavy when they run, so that ``--help`` is quick.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Annotated, Any, NoReturn

import typer

import fbdeploy
from fbdeploy.cli import output
from fbdeploy.cli.bench import bench
from fbdeploy.cli.bundle import bundle
from fbdeploy.cli.check import check
from fbdeploy.cli.cluster import cluster
from fbdeploy.cli.compare import compare
from fbdeploy.cli.deploy import deploy
from fbdeploy.cli.evaluate import evaluate
from fbdeploy.cli.finetune import finetune
from fbdeploy.cli.fit_latency import calibrate, fit_latency
from fbdeploy.cli.import_results import import_results
from fbdeploy.cli.inspect import inspect
from fbdeploy.cli.report import report
from fbdeploy.cli.runner import runner
from fbdeploy.cli.sensitivity import sensitivity
from fbdeploy.cli.streams import prepare_streams
from fbdeploy.cli.sweep import sweep
from fbdeploy.cli.zoo import zoo
from fbdeploy.cluster.lost import ClusterLost
from fbdeploy.pipeline.running import PipelineError
from fbdeploy.report.lines import width_of, wrapped
from zoo.errors import InputError, one_line, reason_of

OK, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
TRACEBACK = "FBDEPLOY_TRACEBACK"
"""Environment variable that shows where an error came from."""

# typer brings its own click, under no public name; a usage error is what BadParameter is made of.
UsageError: type[Any] = typer.BadParameter.__mro__[1]

COMMANDS: dict[str, Callable[..., None]] = {
    "deploy": deploy,
    "evaluate": evaluate,
    "bench": bench,
    "sweep": sweep,
    "runner": runner,
    "fit-latency": fit_latency,
    "finetune": finetune,
    "inspect": inspect,
    "check": check,
    "compare": compare,
    "report": report,
    "sensitivity": sensitivity,
    "zoo": zoo,
    "bundle": bundle,
    "import-results": import_results,
}

SUMMARIES = {
    "deploy": "Quantize, export, verify, evaluate, time, report.",
    "evaluate": "The accuracy of an artefact, and how far it is from float.",
    "bench": "The latency of artefacts here, on a device or emulated.",
    "sweep": "Several networks on several targets, compared.",
    "runner": "Build the programs that run on ssh, adb and arm targets.",
    "finetune": "Train a detector or segmenter on your pictures.",
    "fit-latency": "Fit an emulated core's cycles to a device's times.",
    "inspect": "What of an artefact runs in int8 and in the delegate.",
    "check": "Find regressions against a baseline, for CI.",
    "compare": "Two deployments side by side.",
    "report": "Make the page of an output folder again.",
    "sensitivity": "Rank the layers by the error that int8 causes.",
    "zoo": "List networks, or show one.",
    "bundle": "Copy the demo bundle to where an app finds it.",
    "import-results": "Add an app's measurements to an output folder.",
}
"""A line each for the list of commands, short enough for 80 columns."""

RENAMED: dict[str, Callable[..., None]] = {"calibrate": calibrate}
"""Commands by names that they had; not shown."""


def build() -> Any:
    """The program as a click command."""
    app = typer.Typer(
        name="fbdeploy",
        help="Takes a trained mobile network to a phone.",
        epilog="Example:  fbdeploy deploy --output out",
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(_options)
    for name, function in COMMANDS.items():
        app.command(name, short_help=SUMMARIES[name])(function)
    for name, function in RENAMED.items():
        app.command(name, hidden=True)(function)
    app.add_typer(cluster, name="cluster")
    return typer.main.get_command(app)


def _show_version(asked: bool) -> None:
    if asked:
        print(fbdeploy.__version__)
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            "-v",
            is_eager=True,
            callback=_show_version,
            help="Print the version and end.",
        ),
    ] = False,
) -> None:
    """Takes a trained mobile network to a phone."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; returns its exit code and lets no exception out."""
    signal.signal(signal.SIGTERM, _interrupt)
    given = list(sys.argv[1:] if arguments is None else arguments)
    output.last = output.Result()
    try:
        code = build().main(args=given or ["--help"], prog_name="fbdeploy", standalone_mode=False)
        if code == INTERRUPTED:  # typer's own answer to KeyboardInterrupt
            raise KeyboardInterrupt
        sys.stdout.flush()
        return code if isinstance(code, int) else OK
    except SystemExit as ended:  # a shell's question for completions is answered
        return ended.code if isinstance(ended.code, int) else OK
    except BrokenPipeError:
        # Who read our output has gone, as `| head` does; nothing more can be said there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (Exception, KeyboardInterrupt) as error:
        if os.environ.get(TRACEBACK):
            traceback.print_exc()
        message, code = _ending(error)
        return _say(message, code, as_json="--json" in given)


def main() -> NoReturn:
    """Entry point of the console script."""
    try:
        prepare_streams()
        code = run()
    except InputError as error:
        code = _say(str(error), BAD_INPUT, as_json=False)
    # Runtimes of several vendors in one process do not all survive Python's shut-down.
    with suppress(OSError, InputError):
        sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _ending(error: BaseException) -> tuple[str, int]:
    """The line that tells of an exception, and the exit code."""
    if isinstance(error, UsageError):
        return _usage(error), BAD_INPUT
    if isinstance(error, InputError):
        return str(error), BAD_INPUT
    if isinstance(error, PipelineError | ClusterLost):
        return str(error), FAILED
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return "interrupted; the same command goes on from what is finished", INTERRUPTED
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {reason_of(error)}; check the path", BAD_INPUT
    if isinstance(error, MemoryError):
        return "there is not enough memory; free some, or give less at once", BAD_INPUT
    kind = type(error).__name__
    return f"{kind}: {reason_of(error)}; this is our error, {TRACEBACK}=1 shows where", FAILED


def _usage(error: Any) -> str:
    # A missing one is a BadParameter without words.
    if isinstance(error, typer.BadParameter) and error.param is not None and error.message:
        # pydantic, which typer converts values with, says first that there is an error.
        told = error.message.removeprefix("Value error, ")
        option = next((name for name in error.param.opts if name.startswith("--")), "")
        if not option and told.startswith("is "):  # an argument is told by its own text
            option = error.param.metavar or error.param.name
        return f"{option} {told}".lstrip()
    message = " ".join(error.format_message().split()).rstrip(".")
    command = error.ctx.command_path if error.ctx else "fbdeploy"
    return f"{message}; '{command} --help' shows how"


def _say(message: str, code: int, *, as_json: bool) -> int:
    width = width_of(sys.stderr) if sys.stderr.isatty() else None
    print(wrapped(one_line(f"fbdeploy: {message}"), width), file=sys.stderr)
    if as_json and not output.last.has_document:
        with suppress(OSError, InputError):
            print(output.as_json({"error": {"message": one_line(message), "exit": code}}))
            sys.stdout.flush()
    return code


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt
