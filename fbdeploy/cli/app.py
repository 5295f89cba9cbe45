"""The ``fbdeploy`` program: its commands, and how every way of ending becomes an exit code.

0: done. 1: done, but something failed or a check did not hold. 2: bad input, with one line that
says what to do. 130: interrupted. Commands import what is heavy when they run, so that ``--help``
is quick.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any, NoReturn

import typer

import fbdeploy
from fbdeploy.cli.bench import bench
from fbdeploy.cli.bundle import bundle
from fbdeploy.cli.calibrate import calibrate
from fbdeploy.cli.check import check
from fbdeploy.cli.deploy import deploy
from fbdeploy.cli.evaluate import evaluate
from fbdeploy.cli.import_results import import_results
from fbdeploy.cli.inspect import inspect
from fbdeploy.cli.runner import runner
from fbdeploy.cli.sensitivity import sensitivity
from fbdeploy.cli.sweep import sweep
from fbdeploy.cli.zoo import zoo
from fbdeploy.pipeline.deploy import PipelineError
from zoo.errors import InputError

OK, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

# typer brings its own click, under no public name; a usage error is what BadParameter is made of.
UsageError: type[Any] = typer.BadParameter.__mro__[1]

COMMANDS: dict[str, Callable[..., None]] = {
    "deploy": deploy,
    "evaluate": evaluate,
    "bench": bench,
    "sweep": sweep,
    "runner": runner,
    "calibrate": calibrate,
    "inspect": inspect,
    "check": check,
    "sensitivity": sensitivity,
    "zoo": zoo,
    "bundle": bundle,
    "import-results": import_results,
}


def build() -> Any:
    """The program as a click command."""
    app = typer.Typer(
        name="fbdeploy",
        help="Takes a trained mobile network to a phone.",
        epilog="Example:  fbdeploy deploy --output out",
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(_options)
    for name, function in COMMANDS.items():
        app.command(name)(function)
    return typer.main.get_command(app)


def _show_version(asked: bool) -> None:
    if asked:
        print(fbdeploy.__version__)
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_show_version, help="Print the version and end."
        ),
    ] = False,
) -> None:
    """Takes a trained mobile network to a phone."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; returns its exit code and lets no exception out."""
    signal.signal(signal.SIGTERM, _interrupt)
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = build().main(args=given or ["--help"], prog_name="fbdeploy", standalone_mode=False)
        if code == INTERRUPTED:  # typer's own answer to KeyboardInterrupt
            raise KeyboardInterrupt
        sys.stdout.flush()
        return code if isinstance(code, int) else OK
    except UsageError as error:
        message = " ".join(error.format_message().split()).rstrip(".")
        command = error.ctx.command_path if error.ctx else "fbdeploy"
        return _say(f"{message}; '{command} --help' shows how", BAD_INPUT)
    except InputError as error:
        return _say(" ".join(str(error).split()), BAD_INPUT)
    except PipelineError as error:
        return _say(str(error), FAILED)
    except (KeyboardInterrupt, typer.Abort):
        return _say("interrupted; the same command goes on from what is finished", INTERRUPTED)
    except BrokenPipeError:
        # Who read our output has gone, as `| head` does; nothing more can be said there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def main() -> NoReturn:
    """Entry point of the console script."""
    code = run()
    # Runtimes of several vendors in one process do not all survive Python's shut-down.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _say(line: str, code: int) -> int:
    print(f"fbdeploy: {line}", file=sys.stderr)
    return code


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt
