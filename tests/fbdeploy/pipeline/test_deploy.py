"""The pipeline with stages that need no network: what is made, and what is not made again."""

from __future__ import annotations

import json
import shutil

import pytest

from fbdeploy.pipeline.deploy import deploy, on_this_machine
from fbdeploy.pipeline.workers.runner import Place
from fbdeploy.records.manifest import read_manifest
from fbdeploy.records.results import read_lines
from fbdeploy.records.rows import summarize
from runtime_bench.machine.device import describe
from tests.fbdeploy.fake_stages import STAGES
from tests.fbdeploy.pipeline.bench import EVERYTHING, TRAINED, Bench, Notes, bench
from zoo.errors import InputError

__all__ = ["bench"]


def test_everything_is_made_and_joined(bench: Bench) -> None:
    notes = Notes()
    done = bench.run(notes)
    assert done.complete
    assert bench.files() == EVERYTHING
    assert read_manifest(bench.out) == done.manifest
    assert read_lines(bench.out) == done.lines
    names = [entry.name for entry in done.manifest.artefacts]
    assert names == ["executorch fp32", "executorch int8", "onnx fp32", "onnx int8"]
    rows = summarize(done.manifest, done.lines)
    assert [row.latency_ms.p50 for row in rows if row.latency_ms] == [1.0, 2.0, 3.0, 4.0]
    assert all(row.top1 == 0.75 for row in rows)
    assert "one image is left out" in notes.texts
    assert all(peak and 10e6 < peak < 1e9 for peak in notes.peaks)
    log = (bench.out / ".fbdeploy/logs/prepare.log").read_text()
    assert log == "a library that prints on stdout\n"


def test_a_second_run_makes_nothing_again(bench: Bench) -> None:
    first = bench.run()
    bench.calls()
    second = bench.run()
    assert bench.calls() == ["prepare", "reference"]
    assert second.manifest.artefacts == first.manifest.artefacts
    assert second.manifest.created == first.manifest.created
    assert second.lines == first.lines


def test_times_that_a_clusters_host_has_taken_are_kept(bench: Bench) -> None:
    """Whatever processor the machine has that gives the command."""
    bench.run()
    host = describe().model_copy(update={"cpu": "another"})
    path = bench.out / "results.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        if line["type"] == "latency":
            line["device"] = host.model_dump(mode="json")
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    bench.calls()
    place = Place(on_this_machine, timed_on=host)
    deploy(bench.request(), Notes(), STAGES, place=place)
    assert "bench" not in bench.calls()
    bench.run()
    assert "bench" in bench.calls()


def test_only_what_depends_on_a_changed_recipe_is_made_again(bench: Bench) -> None:
    bench.run()
    bench.calls()
    done = bench.run(recipe="other")
    assert bench.calls() == [
        "bench",
        "evaluate executorch int8",
        "evaluate onnx int8",
        "export executorch int8",
        "export onnx int8",
        "prepare",
        "quantize",
        "reference",
    ]
    assert done.manifest.quantizations["ptq"].recipe.name == "other"
    assert len(done.manifest.artefacts) == 4


def test_artefacts_only_ends_when_they_are_made(bench: Bench) -> None:
    done = deploy(bench.request(), Notes(), STAGES, artefacts_only=True)
    assert done.complete and done.lines == []
    assert not set(bench.calls()) & {"reference", "bundle", "bench"}
    assert bench.files() == {
        name for name in EVERYTHING if "results" not in name and "bundle" not in name
    }
    assert bench.run().manifest.artefacts == done.manifest.artefacts


def test_skipping_a_pass_makes_other_artefacts(bench: Bench) -> None:
    first = bench.run()
    second = bench.run(skip_passes=("clipped_gate",))
    keys = [{entry.key for entry in done.manifest.artefacts} for done in (first, second)]
    assert len(keys[0]) == len(keys[1]) == 4 and not keys[0] & keys[1]


def test_a_precision_that_a_format_has_not_is_left_out(bench: Bench) -> None:
    done = bench.run(formats=("torchscript", "onnx"), builds=("fp32", "fp16"))
    names = [entry.name for entry in done.manifest.artefacts]
    assert names == ["torchscript fp32", "onnx fp32", "onnx fp16"]
    bench.calls()
    bench.run(formats=("torchscript", "onnx"), builds=("fp32", "fp16"))
    assert bench.calls() == ["prepare", "reference"]


def test_other_weights_leave_nothing_of_the_old_ones(bench: Bench) -> None:
    bench.run()
    bench.weights.write_text("second")
    done = bench.run(formats=("onnx",), builds=("fp32",))
    assert [entry.name for entry in done.manifest.artefacts] == ["onnx fp32"]
    assert done.manifest.quantizations == {}
    assert bench.files() == {
        "manifest.json",
        "results.jsonl",
        "report.html",
        "README.md",
        "fp32/model.onnx",
        "demo_bundle/model_config.json",
    }


def test_artefacts_that_were_not_asked_for_this_time_stay(bench: Bench) -> None:
    bench.run(formats=("onnx",))
    done = bench.run(formats=("executorch",), builds=("fp32",))
    names = [entry.name for entry in done.manifest.artefacts]
    assert names == ["executorch fp32", "onnx fp32", "onnx int8"]


def test_training_starts_from_the_int8_program_and_is_not_repeated(bench: Bench) -> None:
    done = bench.run(builds=TRAINED)
    assert done.complete
    calls = bench.calls()
    assert calls.count("quantize") == calls.count("train") == 1
    names = [entry.name for entry in done.manifest.artefacts if entry.format == "onnx"]
    assert names == ["onnx fp32", "onnx int8", "onnx int8-qat"]
    keys = {p: q.key for p, q in done.manifest.quantizations.items()}
    assert set(keys) == {"ptq", "qat"} and keys["ptq"] != keys["qat"]
    assert read_manifest(bench.out) == done.manifest
    again = bench.run(builds=TRAINED)
    assert bench.calls() == ["prepare", "reference"]
    assert again.manifest.artefacts == done.manifest.artefacts
    fewer = bench.run()  # what was not asked for this time stays
    assert fewer.manifest.artefacts == done.manifest.artefacts


def test_another_recipe_trains_again(bench: Bench) -> None:
    first = bench.run(builds=TRAINED)
    bench.calls()
    done = bench.run(builds=("int8-qat",), recipe="other")
    calls = bench.calls()
    assert {"quantize", "train", "export onnx int8-qat"} <= set(calls)
    assert "export onnx int8" not in calls
    before, after = (m.quantizations["qat"].key for m in (first.manifest, done.manifest))
    assert before != after


def test_a_damaged_artefact_is_made_again(bench: Bench) -> None:
    bench.run()
    bench.calls()
    (bench.out / "int8/model.onnx").write_text("damaged")
    bench.run()
    assert "export onnx int8" in bench.calls()
    assert (bench.out / "int8/model.onnx").read_text() != "damaged"


def test_a_manifest_of_another_schema_is_refused(bench: Bench) -> None:
    bench.run()
    path = bench.out / "manifest.json"
    path.write_text(path.read_text().replace('"schema_version": 2', '"schema_version": 99'))
    with pytest.raises(InputError, match="schema_version 99"):
        bench.run()


def test_a_copied_folder_goes_on(bench: Bench) -> None:
    bench.run()
    bench.calls()
    shutil.move(bench.out, bench.folder / "moved")
    bench.run(output=bench.folder / "moved")
    assert bench.calls() == ["prepare", "reference"]
