"""The model card: a header that hubs read, the manifest's figures, and a user's own card kept."""

from __future__ import annotations

from pathlib import Path

import yaml

from fbdeploy.report.model_card import FILE_NAME, card, write_card
from tests.fbdeploy.samples import sample


def test_header_and_figures() -> None:
    manifest, lines = sample()
    text = card(manifest, lines)
    _, header, body = text.split("---\n", 2)
    told = yaml.safe_load(header)
    assert told["pipeline_tag"] == "image-classification"
    assert {"onnx", "tflite", "coreml", "executorch", "torchscript", "int8"} <= set(told["tags"])
    assert f"# {manifest.network.name}" in body
    rows = [line for line in body.splitlines() if line.startswith("| `")]
    assert len(rows) == len(manifest.artefacts)
    (row,) = [line for line in rows if "int8/model.onnx" in line]
    assert "93.55" in row and "1.63 ms (measured, local, 1 thread)" in row
    assert manifest.weights.sha256 in body


def test_what_cannot_be_told_is_said_and_what_is_rejected_left_out() -> None:
    manifest, _ = sample()
    first, *rest = manifest.artefacts
    assert first.parity is not None
    bad = first.parity.model_copy(update={"passed": False})
    broken = first.model_copy(update={"parity": bad})
    changed = manifest.model_copy(update={"evaluation_data": None, "artefacts": (broken, *rest)})
    text = card(changed, [])
    assert "**Nothing was scored" in text and f"`{first.path}`" not in text


def test_a_card_of_the_user_s_stays(tmp_path: Path) -> None:
    manifest, lines = sample()
    write_card(tmp_path, manifest, lines)
    written = (tmp_path / FILE_NAME).read_text()
    write_card(tmp_path, manifest, lines)
    assert (tmp_path / FILE_NAME).read_text() == written
    (tmp_path / FILE_NAME).write_text("mine")
    write_card(tmp_path, manifest, lines)
    assert (tmp_path / FILE_NAME).read_text() == "mine"
