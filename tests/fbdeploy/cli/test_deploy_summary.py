"""What a finished deployment says on the terminal."""

from __future__ import annotations

from pathlib import Path

from fbdeploy.pipeline.deploy import Deployed
from fbdeploy.records.manifest import Manifest
from tests.fbdeploy.samples import sample


def _said(manifest: Manifest) -> list[str]:
    lines = sample()[1]
    return str(Deployed(manifest, lines, Path("out/report.html"), True)).splitlines()


def test_the_int8_share_and_parity_of_each_artefact() -> None:
    said = _said(sample()[0])
    assert said[0].split() == ["size", "int8", "top-1", "agreement", "p50", "parity"]
    (row,) = [line for line in said if line.startswith("LiteRT int8")]
    assert "93.0\N{NO-BREAK SPACE}%" in row and row.endswith("equal")
    assert any(line.startswith("Ship ONNX int8. ") for line in said)


def test_a_failed_parity_is_a_line_and_a_mark_in_the_table() -> None:
    manifest, _ = sample()
    broken = []
    for entry in manifest.artefacts:
        assert entry.parity is not None
        update = {"passed": False, "sqnr_db": 4.0, "parted_at": "conv_stem (conv2d)"}
        parity = entry.parity.model_copy(update=update)
        wrong = entry.name == "litert int8"
        broken.append(entry.model_copy(update={"parity": parity}) if wrong else entry)
    said = _said(manifest.model_copy(update={"artefacts": tuple(broken)}))
    (row,) = [line for line in said if line.startswith("LiteRT int8   ")]
    assert row.endswith("failed")
    (line,) = [line for line in said if "does not equal" in line]
    assert "LiteRT int8" in line and "4.0 dB" in line and "conv_stem (conv2d)" in line
