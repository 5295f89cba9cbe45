"""Streams that are closed, full, gone, or of an encoding without our signs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fbdeploy.cli.streams import PLAIN

ROOT = Path(__file__).parents[3]
FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full, on this processor")


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """A line of sh, in which ``$F`` is the command."""
    return subprocess.run(
        ["sh", "-c", line],
        env={**os.environ, "PYTHONPATH": str(ROOT), "F": f"{sys.executable} -P -m fbdeploy"}
        | environment,
        capture_output=True,
        check=False,
    )


def one_line(text: bytes) -> str:
    (line,) = text.decode().splitlines()
    assert line.startswith("fbdeploy: ") and len(line) <= 300
    return line


def test_closed_stdout() -> None:
    done = shell("$F zoo --help >&-")
    assert done.returncode == 2 and "stdout: is closed" in one_line(done.stderr)


@needs_full
@pytest.mark.parametrize("command", ["--version", "zoo --help"])
def test_full_stdout(command: str) -> None:
    done = shell(f"$F {command} >/dev/full")
    assert done.returncode == 2
    assert "stdout: cannot be written (No space left on device)" in one_line(done.stderr)


def test_closed_and_full_stderr() -> None:
    for place in ("&-", "/dev/full") if FULL.exists() else ("&-",):
        done = shell(f"$F deploy --images 0 --json 2>{place}")
        assert done.returncode == 2 and done.stderr == b""
        assert json.loads(done.stdout)["error"]["exit"] == 2


def test_all_three_closed() -> None:
    assert shell("$F --version <&- >&- 2>&-").returncode == 2


def test_no_file_takes_a_closed_descriptor(tmp_path: Path) -> None:
    """What libraries print would go into the next file that is opened."""
    code = (
        "import os, sys\n"
        "from fbdeploy.cli.streams import prepare_streams\n"
        "prepare_streams()\n"
        f"descriptor = os.open({str(tmp_path / 'x')!r}, os.O_CREAT | os.O_WRONLY)\n"
        "os._exit(0 if descriptor > 2 else 1)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CODE": code, "PYTHON": sys.executable}
    done = subprocess.run(
        ["sh", "-c", '"$PYTHON" -c "$CODE" <&- 2>&-'], env=environment, check=False
    )
    assert done.returncode == 0


def test_a_reader_that_has_gone_is_no_error() -> None:
    done = shell("{ sleep 0.1; $F zoo --help; echo $? >&2; } | true")
    assert done.stderr.strip() in (b"0", b"1")


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252"])
def test_signs_that_an_encoding_lacks(encoding: str) -> None:
    text = "".join(PLAIN) + "語"
    code = (
        "import sys\nfrom fbdeploy.cli.streams import prepare_streams\n"
        f"prepare_streams()\nprint({text!r})\nsys.stdout.flush()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=True,
    )
    said = done.stdout.decode(encoding).strip()
    expected = "".join(
        sign if sign.encode(encoding, "ignore") else plain for sign, plain in PLAIN.items()
    )
    assert said == f"{expected}?"


def test_an_ascii_locale(tmp_path: Path) -> None:
    done = shell("$F zoo --help", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert done.returncode == 0, done.stderr
