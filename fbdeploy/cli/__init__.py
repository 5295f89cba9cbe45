"""The command line: one file a command, errors in one line, exit codes 0, 1 and 2."""

from fbdeploy.cli.app import main

__all__ = ["main"]
