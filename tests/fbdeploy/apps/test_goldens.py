"""Goldens of a network of several outputs: by name, in order, and the task's answer to them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fbdeploy.apps.bundle_reading import check_golden, read_bundle
from fbdeploy.apps.demo_bundle import write_bundle
from fbdeploy.apps.goldens import Asked, golden_output, reference_card
from fbdeploy.records.manifest import NetworkInfo, OutputInfo, write_manifest
from runtime_bench.runtimes import runtime_of
from tasks.base import Outputs
from tasks.table import TASKS
from tests.fbdeploy.samples import sample
from tests.tasks.two_outputs import SPEC, TwoOutputsTask
from tests.tasks.two_outputs_artefacts import TwoOutputsArtefacts
from zoo.datasets import Sample
from zoo.errors import InputError
from zoo.files import sha256_of
from zoo.preprocess import Frame


class RankedByScores(TwoOutputsTask):
    """Answers with the classes of one output, so that the apps can show it."""

    def decode(self, outputs: Outputs, frames: Sequence[Any] | None = None) -> list[Any]:
        return TASKS["classification"].decode({"logits": outputs["scores"]})


def test_a_bundle_has_every_output(
    monkeypatch: pytest.MonkeyPatch, two_outputs_artefacts: TwoOutputsArtefacts, tmp_path: Path
) -> None:
    monkeypatch.setitem(TASKS, "segmentation", RankedByScores())
    manifest, _ = sample()
    entries = []
    for form in ("onnx", "executorch"):
        path = two_outputs_artefacts(form, "fp32")
        entry = next(e for e in manifest.artefacts if (e.format, e.precision) == (form, "fp32"))
        (tmp_path / entry.path).parent.mkdir(exist_ok=True)
        (tmp_path / entry.path).write_bytes(path.read_bytes())
        entries.append(entry.model_copy(update={"sha256": sha256_of(path)}))
    outputs = (OutputInfo(name="scores", shape=(1, 5)), OutputInfo(name="mask", shape=(1, 2, 8, 8)))
    network = NetworkInfo(
        name="two", source="user", task="segmentation", outputs=outputs, num_classes=5
    )
    spec = replace(manifest.input_spec, height=32, width=32, mean=SPEC.mean, std=SPEC.std)
    changes = {"artefacts": tuple(entries), "network": network, "input_spec": spec}
    write_manifest(tmp_path, manifest.model_copy(update={**changes, "labels": tuple("abcde")}))
    write_bundle(tmp_path, [Sample(reference_card(), None, "card")])
    bundle = read_bundle(tmp_path)
    assert bundle.config.task == "segmentation"
    for model, stored in zip(bundle.config.models, (("scores", "mask"), ("", "")), strict=True):
        assert [(o.name, o.stored, o.shape) for o in model.outputs] == [
            ("scores", stored[0], (1, 5)),
            ("mask", stored[1], (1, 2, 8, 8)),
        ]
    tolerances = {(t.precision, t.output): t.max_abs for t in bundle.golden.tolerance.outputs}
    assert set(tolerances) == {("fp32", "scores"), ("fp32", "mask")}
    assert tolerances["fp32", "scores"] != tolerances["fp32", "mask"]
    assert check_golden(bundle) == []
    # Little-endian float32 of what the runtime gives for this very picture.
    (image,) = bundle.golden.images
    pixels = np.frombuffer(base64.b64decode(image.input_rgb), np.uint8).reshape(32, 32, 3)
    tensor = ((pixels / 255 - 0.5) / 0.5).astype(np.float32).transpose(2, 0, 1)[None]
    for model, output in zip(bundle.config.models, image.outputs, strict=True):
        found = runtime_of(Path(model.file)).load(bundle.folder / model.file, 1).run(tensor)
        assert [values.name for values in output.values] == list(found)
        for values in output.values:
            kept = np.frombuffer(base64.b64decode(values.float32), "<f4")
            np.testing.assert_allclose(kept, found[values.name].ravel(), atol=1e-5)
        ranks = np.argsort(-found["scores"][0]).tolist()
        assert output.answer.kind == "ranking"
        assert [ranked.class_index for ranked in output.answer.top] == ranks


def test_an_answer_that_the_apps_cannot_show_is_refused() -> None:
    outputs = {"scores": np.zeros((1, 5), np.float32), "mask": np.zeros((1, 2, 8, 8), np.float32)}
    with pytest.raises(InputError, match="no such answers"):
        golden_output(Asked(TwoOutputsTask(), Frame.whole(8, 8), 0.0), "m", outputs, 0)
