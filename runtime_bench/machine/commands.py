"""Running a tool of the build so that a failure is one clear line."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from zoo.errors import InputError


def require_tool(name: str, package: str) -> str:
    """The path of the program ``name``.

    Raises:
        InputError: it is not installed; the line names the Debian package that has it.
    """
    path = shutil.which(name)
    if path is None:
        raise InputError(f"{name}: not found; install it (Debian: apt-get install {package})")
    return path


def run_tool(
    argv: Sequence[str | Path],
    what: str,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> str:
    """Run a tool and return its stdout.

    Raises:
        InputError: it failed; the line has ``what`` it was for and its last line of output.
    """
    result = subprocess.run(
        [str(part) for part in argv], cwd=cwd, env=env, capture_output=True, text=True
    )
    if result.returncode:
        lines = (result.stderr + result.stdout).strip().splitlines() or ["no output"]
        errors = [line for line in lines if "error" in line.lower()] or lines
        raise InputError(f"{what}: {Path(argv[0]).name} failed: {errors[-1].strip()}")
    return result.stdout


def last_line(text: str, fallback: str) -> str:
    """The last line of ``text`` that is not empty."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else fallback
