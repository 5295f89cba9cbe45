"""The public functions: plain arguments in, one-line errors that name arguments out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import fbdeploy
from fbdeploy.records.manifest import FILE_NAME, write_manifest
from tests.fbdeploy.samples import sample
from tests.quantize.small_networks import noise_images, tiny_network


@pytest.mark.parametrize(
    ("call", "arguments", "said"),
    [
        ("deploy", {"network": "nosuch"}, "nosuch: no such network"),
        ("deploy", {"network": "fbnetv3_b"}, "data is missing, and calibration too; .* no_data"),
        ("deploy", {"formats": ["tflite"]}, "formats tflite: is unknown; give some of executorch"),
        ("deploy", {"precisions": "int4"}, "precisions int4: is unknown"),
        ("deploy", {"data": "/none"}, "/none: no such folder"),
        ("deploy", {"threads": 0}, r"threads: .*greater than or equal to 1; help\(deploy\)"),
        ("deploy", {"mean": (1, 2)}, r"mean.*; help\(deploy\) explains it"),
        ("deploy", {"interpolation": "cubic"}, "interpolation.*'nearest', 'bilinear' or 'bicubic'"),
        ("deploy", {"no_data": True, "data": "."}, r"data \.: contradicts no_data"),
        ("evaluate", {"artefact": "no.pte"}, "no.pte: no such artefact"),
        ("evaluate", {"artefact": Path(__file__)}, "its suffix is of no artefact format"),
        ("bench", {"artefacts": []}, "bench: no artefact"),
        ("bench", {"artefacts": "no.pte"}, "no.pte: no such artefact"),
        ("bench", {"artefacts": ".", "mode": "quick"}, "is a folder without manifest.json"),
        ("inspect", {"artefact": "no.onnx"}, "no.onnx: no such artefact"),
        ("check", {"output": "x", "baseline": "no.json"}, "no.json: cannot be read"),
        ("load_network", {"network": "nosuch"}, "nosuch: no such network"),
        ("quantize", {"network": "nosuch"}, "nosuch: no such network"),
        ("read_manifest", {"folder": "/none"}, "/none: holds no manifest.json"),
    ],
)
def test_bad_input_is_one_line(
    call: str,
    arguments: dict[str, Any],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(fbdeploy.InputError, match=said) as caught:
        getattr(fbdeploy, call)(**arguments)
    line = str(caught.value)
    assert "\n" not in line and "--" not in line
    assert capfd.readouterr() == ("", "") and not (tmp_path / "out").exists()


def test_a_network_with_another_input() -> None:
    network = fbdeploy.load_network(input_size=(64, 96), mean=[0.5] * 3, std=[0.25] * 3)
    spec = network.input_spec
    assert (spec.height, spec.width, spec.mean, spec.std) == (64, 96, (0.5,) * 3, (0.25,) * 3)
    assert network.num_classes == 10 and not network.module.training


def test_images_of_one_s_own_are_quantized_with() -> None:
    network = tiny_network()
    program = fbdeploy.quantize(network, noise_images(16), "ptq-fast")
    assert program.input_spec == network.input_spec
    with pytest.raises(fbdeploy.InputError, match="precision fp32: a program is int8"):
        fbdeploy.export(program, "x.onnx", precision="fp32")
    with pytest.raises(fbdeploy.InputError, match=r"x\.h5: is of no format"):
        fbdeploy.export(program, "x.h5")


def test_a_manifest_by_its_file_or_its_folder(tmp_path: Path) -> None:
    manifest = sample()[0]
    write_manifest(tmp_path, manifest)
    assert fbdeploy.read_manifest(tmp_path) == manifest
    assert fbdeploy.read_manifest(str(tmp_path / FILE_NAME)) == manifest


def test_nobody_is_told_to_remove_a_good_file(tmp_path: Path) -> None:
    write_manifest(tmp_path, sample()[0])
    path = tmp_path / FILE_NAME
    newer = path.read_text().replace('"schema_version": 2', '"schema_version": 3')
    path.write_text(newer)
    for given in (tmp_path, path):
        with pytest.raises(fbdeploy.InputError, match="a newer fbdeploy wrote it: update") as error:
            fbdeploy.read_manifest(given)
        assert "move it away" not in str(error.value)
    other = tmp_path / "package.json"
    other.write_text('{"name": "mine"}')
    with pytest.raises(fbdeploy.InputError, match="give a folder that fbdeploy deploy wrote, or"):
        fbdeploy.read_manifest(other)
