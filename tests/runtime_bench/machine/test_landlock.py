from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from runtime_bench.machine.landlock import landlock_version
from runtime_bench.machine.python_process import with_our_packages

pytestmark = pytest.mark.skipif(
    landlock_version() == 0, reason="the kernel has no Landlock, which these tests are about"
)

SCRIPT = """
import sys
from pathlib import Path
from runtime_bench.machine.landlock import forbid_changes
folder, outside = map(Path, sys.argv[1:3])
assert forbid_changes([folder])
{action}
"""
ACTIONS = {
    "write": "(outside / 'kept').open('r+').write('x')",
    "append": "(outside / 'kept').open('a')",
    "truncate": "import os; os.truncate(outside / 'kept', 0)",
    "make": "(outside / 'new').touch()",
    "make a folder": "(outside / 'new').mkdir()",
    "make a link": "(outside / 'new').symlink_to('kept')",
    "remove": "(outside / 'kept').unlink()",
    "rename": "(outside / 'kept').rename(outside / 'other')",
    "move away": "(outside / 'kept').rename(folder / 'kept')",
    "in a thread": (
        "import threading; errors = []\n"
        "threading.excepthook = lambda e: errors.append(e.exc_value)\n"
        "t = threading.Thread(target=(outside / 'kept').unlink); t.start(); t.join()\n"
        "raise errors[0]"
    ),
    "in a program it starts": (
        "import subprocess\n"
        "if subprocess.run(['rm', '-f', str(outside / 'kept')], stderr=-3).returncode:\n"
        "    raise PermissionError"
    ),
}


def run(tmp_path: Path, action: str, *more: str) -> subprocess.CompletedProcess[str]:
    folder, outside = tmp_path / "own", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (outside / "kept").write_text("precious")
    return subprocess.run(
        [
            sys.executable,
            "-c",
            textwrap.dedent(SCRIPT).format(action=action),
            *(str(folder), str(outside), *more),
        ],
        capture_output=True,
        text=True,
        env=with_our_packages(os.environ),
    )


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
def test_nothing_outside_changes(tmp_path: Path, action: str) -> None:
    ended = run(tmp_path, action)
    assert ended.returncode == 1 and ("PermissionError" in ended.stderr or "EXDEV" in ended.stderr)
    assert [path.name for path in (tmp_path / "outside").iterdir()] == ["kept"]
    assert (tmp_path / "outside" / "kept").read_text() == "precious"


def test_its_own_folder_and_reading_stay_free(tmp_path: Path) -> None:
    action = (
        "(folder / 'new').write_text((outside / 'kept').read_text())\n"
        "(folder / 'new').rename(folder / 'named'); (folder / 'sub').mkdir()\n"
        "open('/dev/null', 'w').write('x')"
    )
    ended = run(tmp_path, action)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (tmp_path / "own" / "named").read_text() == "precious"


@pytest.mark.skipif(landlock_version() < 4, reason="this kernel's Landlock knows no network")
def test_no_connection_is_opened(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        action = "import socket; socket.create_connection(('127.0.0.1', int(sys.argv[3])), 2)"
        ended = run(tmp_path, action, str(server.getsockname()[1]))
    assert "PermissionError" in ended.stderr
