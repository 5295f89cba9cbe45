"""The output folder: what stays in it and what goes, and who may write in it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from fbdeploy.pipeline.keys import key_of
from fbdeploy.pipeline.lock import locked
from fbdeploy.pipeline.work import WorkFolder, check_outputs
from fbdeploy.records.results import EvaluationLine, Line
from fbdeploy.records.rows import summarize
from tests.fbdeploy.pipeline.bench import Bench, bench
from zoo.errors import InputError

__all__ = ["bench"]


def _named(lines: list[Line]) -> list[str | None]:
    return [line.predictions for line in lines if isinstance(line, EvaluationLine)]


def test_predictions_are_kept_as_long_as_they_are_of_use(bench: Bench) -> None:
    first = bench.run()
    assert len(_named(first.lines)) == 4 and set(_named(first.lines)) == bench.predictions()
    other_images = bench.run(data="e")
    assert len(bench.predictions()) == 8
    again = bench.run()  # what was scored before is not scored again
    assert again.lines == other_images.lines
    bench.plan(identity="changed")  # the same folder, and an image of it is another
    changed = bench.run()
    assert bench.predictions() == set(_named(changed.lines)[-8:])
    bench.weights.write_text("second")
    done = bench.run()
    assert bench.predictions() == set(_named(done.lines)[-4:])


def test_an_evaluation_without_its_predictions_is_made_again(bench: Bench) -> None:
    done = bench.run()
    bench.calls()
    before = bench.predictions()
    lost = _named(done.lines)[0]
    assert lost is not None
    (bench.out / lost).unlink()
    results = bench.out / "results.jsonl"
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    of_old = next(line for line in reversed(lines) if line["type"] == "evaluation")
    del of_old["predictions"]  # as an fbdeploy that kept none wrote it
    results.write_text("".join(json.dumps(line) + "\n" for line in lines))
    again = bench.run()
    assert len([call for call in bench.calls() if call.startswith("evaluate")]) == 2
    assert bench.predictions() == before
    assert len(again.lines) == len(done.lines) + 2
    assert [row.top1 for row in summarize(again.manifest, again.lines)] == [0.75] * 4


@pytest.mark.skipif(os.geteuid() != 0, reason="not root: cannot mount a small file system")
def test_a_really_full_folder(bench: Bench) -> None:
    bench.out.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(bench.out)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("not root enough to mount, as in some containers")
    try:
        (bench.out / "filler").write_bytes(bytes(52 * 1024))
        with pytest.raises(InputError, match="cannot be written") as caught:
            bench.run()
        assert str(bench.out) in str(caught.value)
        assert not list(bench.out.rglob("*partial*"))
    finally:
        subprocess.run(["umount", str(bench.out)], check=True)


def test_an_output_that_cannot_be_a_folder(bench: Bench) -> None:
    bench.out.write_text("a file")
    with pytest.raises(InputError, match="cannot be written"):
        bench.run()


def test_two_do_not_write_at_once(bench: Bench) -> None:
    with (
        locked(bench.out),
        pytest.raises(InputError, match=rf"another fbdeploy \(process {os.getpid()}\)"),
    ):
        bench.run()
    assert bench.run().complete


def _keep_work(bench: Bench, weights: str, data: str) -> set[Path]:
    """Files as the real stages keep them for a network on images."""
    work, network = WorkFolder.of(bench.out), key_of(weights=weights)
    folders = [work.graph(network), work.program("ptq")]
    files = {work.reference(network, data), work.check_images(network, data)}
    files |= {check_outputs(folder, network, data) for folder in folders}
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return files


def test_what_is_kept_between_runs_goes_with_what_it_was_made_from(bench: Bench) -> None:
    bench.run()
    here, others = (_keep_work(bench, "first", data) for data in ("d", "e"))
    bench.run()
    assert all(file.exists() for file in here)
    assert not any(file.exists() for file in others)  # nothing was scored on those images
    bench.run(data="e")
    bench.run(data="d", builds=("fp32",))
    assert all(file.exists() for file in here)  # int8's artefacts are still there
    bench.weights.write_text("second")
    bench.run(builds=("fp32",))
    assert {path.name for path in (bench.out / ".fbdeploy").iterdir()} == {"logs"}
