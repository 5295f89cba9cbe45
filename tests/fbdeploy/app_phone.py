"""A stand-in for the Android app on the arm64 board: what ``am`` and ``run-as`` do with it.

adb, adbd and the shell between them are real. Android's framework and the app are shell scripts
on the board: ``am`` takes the activity's extras and writes, some time later, a result file of
constant latencies as the app would; ``run-as`` enters the app's folder. What the app itself does
is tested in tests/android_demo.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.runtime_bench.targets.board import SERIAL, Board

PACKAGE = "dev.fbdeploy.demo"
APP = f"/data/local/tmp/{PACKAGE}"

AM = """#!/bin/sh
[ "$1" = start ] || { echo "Error: unknown command '$1'"; exit 1; }
shift
while [ $# -gt 0 ]; do
    case $1 in
    -W | -S) shift ;;
    -n) component=$2; shift 2 ;;
    --es | --ei | --ef) eval "$2=\\$3"; shift 3 ;;
    *) echo "Error: Unknown option: $1"; exit 1 ;;
    esac
done
echo "Starting: Intent { cmp=$component }"
folder=/data/local/tmp/${component%%/*}
if [ "${component#*/}" != .BenchmarkActivity ] || [ ! -d "$folder" ]; then
    echo "Error type 3"
    echo "Error: Activity class {$component} does not exist."
    exit 0
fi
target=$folder/files/results/$name
mkdir -p "${target%/*}"
case $model in
@MODELS@
*) echo "no model $model in the bundle" >"$target.error"; exit 0 ;;
esac
count=1 latencies=5.0
while [ $count -lt "$iterations" ]; do
    latencies="$latencies,5.0" count=$((count + 1))
done
setsid sh -c 'sleep 1; mv "$1.partial" "$1.json"' sh "$target" >/dev/null 2>&1 </dev/null &
cat >"$target.partial" <<END
@RESULT@
END
echo "Status: ok"
"""
RUN_AS = """#!/bin/sh
cd /data/local/tmp/"$1" 2>/dev/null || { echo "run-as: unknown package: $1" >&2; exit 1; }
shift
exec "$@"
"""


def result_template(document: dict[str, Any]) -> str:
    """A one-run result document whose run is filled in by ``AM``'s shell variables."""
    (run,) = document["runs"]
    numbers = {
        "iterations": "$iterations",
        "warmup": "$warmup",
        "threads": "$threads",
        "latencies_ms": "[$latencies]",
    }
    texts = {"model": "$model", "sha256": "$sha", "format": "$format", "precision": "$precision"}
    constant = {"latency_ms": {"p50": 5.0, "p90": 5.0, "p99": 5.0}}
    text = json.dumps(document | {"runs": [run | texts | constant | numbers]})
    for value in numbers.values():
        text = text.replace(json.dumps(value), value)
    return text


@contextmanager
def app_commands(board: Board, models: dict[str, str], document: dict[str, Any]) -> Iterator[None]:
    """``am`` and ``run-as`` on the board for as long as this lasts.

    Args:
        board: not started yet.
        models: SHA-256 by model id (``format-precision``) of the app's bundle.
        document: a result document with one run.
    """
    cases = []
    for model, digest in models.items():
        form, precision = model.split("-", 1)
        cases.append(f"{model}) sha={digest} format={form} precision={precision} ;;")
    am = AM.replace("@MODELS@", "\n".join(cases)).replace("@RESULT@", result_template(document))
    scripts: dict[Path, str] = {
        board.image / "usr/local/bin/am": am,
        board.image / "usr/local/bin/run-as": RUN_AS,
    }
    try:
        for path, text in scripts.items():
            path.write_text(text)
            path.chmod(0o755)
        yield
    finally:
        # The image is kept for other tests.
        for path in scripts:
            path.unlink(missing_ok=True)


def install(board: Board) -> None:
    """Put the app's folder on the started board."""
    done = board.network.run("adb", "-s", SERIAL, "shell", f"mkdir -p {APP}/files")
    assert done.returncode == 0, done.stderr


def uninstall(board: Board) -> None:
    """Remove the app's folder."""
    done = board.network.run("adb", "-s", SERIAL, "shell", f"rm -r {APP}")
    assert done.returncode == 0, done.stderr


def files(board: Board) -> str:
    """What the app's result folder holds."""
    return board.network.run("adb", "-s", SERIAL, "shell", f"ls {APP}/files/results").stdout
