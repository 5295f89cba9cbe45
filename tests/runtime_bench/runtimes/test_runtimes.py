from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from export.format_info import FORMAT_INFO
from runtime_bench.runtimes import RUNTIMES, runtime_of
from tasks.logits import logits_of
from tests.runtime_bench.artefacts import CLASSES, MAKERS, SHAPE, Artefacts, answers, images
from zoo.errors import InputError

# Largest difference of a logit over the largest logit. Floats differ by the order of additions.
# Int8 by its grid: the logits' step is 1/255 of their range here, and default paths lose more.
TOLERANCES = {"fp32": 1e-6, "fp16": 2e-3, "int8": 0.06}
SCORED = [key for key in MAKERS if key[1] in TOLERANCES]
FORMATS = sorted(RUNTIMES)
FILE_FORMATS = [name for name in FORMATS if name != "coreml"]


@pytest.mark.parametrize(("format", "precision"), SCORED)
def test_logits_are_those_of_torch(artefacts: Artefacts, format: str, precision: str) -> None:
    batch = images(12)
    expected = answers(artefacts.network, batch)
    session = RUNTIMES[format].load(artefacts(format, precision), threads=1)
    logits = logits_of(session.run(batch))
    assert session.input_shape == SHAPE
    assert session.threads == 1
    assert logits.dtype == np.float32
    assert logits.shape == (12, CLASSES)
    error = np.abs(logits - expected).max() / np.abs(expected).max()
    assert error < TOLERANCES[precision]
    if precision == "int8":
        assert error > 1e-4, "an int8 artefact that answers like float is not int8"


@pytest.mark.parametrize("format", FORMATS)
def test_images_are_independent_and_results_are_kept(artefacts: Artefacts, format: str) -> None:
    session = RUNTIMES[format].load(artefacts(format, "fp32"), threads=1)
    batch = images(11)
    first = logits_of(session.run(batch))
    kept = first.copy()
    order = np.random.default_rng(3).permutation(11)
    np.testing.assert_allclose(logits_of(session.run(batch[order])), kept[order], rtol=0, atol=1e-6)
    np.testing.assert_array_equal(first, kept)
    strided = np.ascontiguousarray(batch.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(logits_of(session.run(strided)), kept, rtol=0, atol=1e-6)
    assert logits_of(session.run(batch[:0])).shape[0] == 0


@pytest.mark.parametrize("format", FORMATS)
def test_wrong_batch_is_refused(artefacts: Artefacts, format: str) -> None:
    session = RUNTIMES[format].load(artefacts(format, "fp32"), threads=1)
    for batch in (np.zeros((1, 3, 16, 32), np.float32), np.zeros(SHAPE, np.float64)):
        with pytest.raises(InputError, match="does not fit"):
            session.run(batch)


@pytest.mark.parametrize("format", FORMATS)
def test_versions_name_the_package(format: str) -> None:
    assert any(character.isdigit() for character in RUNTIMES[format].version())
    assert RUNTIMES[format].format == format


def test_interpreter_says_that_it_is_not_core_ml() -> None:
    assert "not Core ML" in RUNTIMES["coreml"].version()
    assert [name for name, info in FORMAT_INFO.items() if not info.timed] == ["coreml"]


def _refused(path: Path) -> str:
    with pytest.raises(InputError) as error:
        runtime_of(path).load(path, threads=1)
    line = str(error.value)
    assert "\n" not in line
    assert str(path) in line
    return line


@pytest.mark.parametrize("format", FILE_FORMATS)
def test_damaged_files_are_refused(artefacts: Artefacts, tmp_path: Path, format: str) -> None:
    intact = artefacts(format, "fp32").read_bytes()
    suffix = FORMAT_INFO[format].suffix
    generator = np.random.default_rng(0)
    damaged = {
        "missing": None,
        "empty": b"",
        "half": intact[: len(intact) // 2],
        "short": intact[:-100],
        "foreign": b"PK\3\4 or something else " * 50,
        "random": generator.bytes(4000),
        "text": "Not an artefact. ".encode("utf-16") * 100,
    }
    for name, content in damaged.items():
        path = tmp_path / f"{name}{suffix}"
        if content is not None:
            path.write_bytes(content)
        _refused(path)
    folder = tmp_path / f"folder{suffix}"
    folder.mkdir()
    _refused(folder)


@pytest.mark.parametrize("format", FILE_FORMATS)
def test_artefact_under_another_suffix_is_refused(
    artefacts: Artefacts, tmp_path: Path, format: str
) -> None:
    other = FILE_FORMATS[FILE_FORMATS.index(format) - 1]
    path = tmp_path / f"renamed{FORMAT_INFO[format].suffix}"
    shutil.copy(artefacts(other, "fp32"), path)
    _refused(path)


def test_damaged_packages_are_refused(artefacts: Artefacts, tmp_path: Path) -> None:
    intact = artefacts("coreml", "fp32")
    model = Path("Data/com.apple.CoreML/model.mlmodel")
    weights = Path("Data/com.apple.CoreML/weights/weight.bin")
    for number, (name, length) in enumerate(
        [(weights, None), (weights, 1000), (weights, -1), (model, None), (model, 2000)]
    ):
        path = tmp_path / f"{number}.mlpackage"
        shutil.copytree(intact, path)
        content = (path / name).read_bytes()
        (path / name).unlink()
        if length is not None:
            (path / name).write_bytes(content[:length])
        _refused(path)
    file = tmp_path / "file.mlpackage"
    file.write_bytes(b"not a folder")
    _refused(file)
    _refused(tmp_path / "missing.mlpackage")


def test_state_dict_is_not_torchscript(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save({"weight": torch.zeros(3)}, path)
    assert "weights or a pickle" in _refused(path)


def test_torchscript_without_a_recorded_size_runs_but_says_so(tmp_path: Path) -> None:
    path = tmp_path / "foreign.pt"
    pool = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    torch.jit.trace(pool, torch.zeros(SHAPE)).save(str(path))
    session = RUNTIMES["torchscript"].load(path, threads=1)
    batch = images(2)
    np.testing.assert_allclose(logits_of(session.run(batch)), batch.mean(axis=(2, 3)), atol=1e-6)
    with pytest.raises(InputError, match="records no input size"):
        _ = session.input_shape


def test_unknown_suffix(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.pte, \.pt, \.onnx"):
        runtime_of(tmp_path / "model.h5")


def test_zero_threads(artefacts: Artefacts) -> None:
    with pytest.raises(InputError, match="at least 1"):
        RUNTIMES["onnx"].load(artefacts("onnx", "fp32"), threads=0)


def test_executorch_refuses_a_second_thread_count(artefacts: Artefacts) -> None:
    from executorch.extension.pybindings import portable_lib

    runtime, path = RUNTIMES["executorch"], artefacts("executorch", "fp32")
    session = runtime.load(path, threads=1)
    other = runtime.load(path, threads=1)
    with pytest.raises(InputError, match="one thread pool a process"):
        runtime.load(path, threads=2)
    expected = logits_of(session.run(images(1)))
    del session, other
    session = runtime.load(path, threads=2)
    assert portable_lib._threadpool_get_thread_count() == 2
    np.testing.assert_allclose(logits_of(session.run(images(1))), expected, atol=1e-6)


def test_torch_sessions_each_set_their_own_threads(artefacts: Artefacts) -> None:
    before = torch.get_num_threads()
    one = RUNTIMES["torchscript"].load(artefacts("torchscript", "fp32"), threads=1)
    two = RUNTIMES["coreml"].load(artefacts("coreml", "fp32"), threads=2)
    try:
        two.run(images(1))
        assert torch.get_num_threads() == 2
        one.run(images(1))
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("format", "module", "line"),
    [
        ("onnx", "onnxruntime", "pip install 'onnxruntime"),
        ("litert", "ai_edge_litert", "pip install 'ai-edge-litert"),
        ("coreml", "coremltools", "pip install 'coremltools"),
        ("executorch", "executorch", "pip install 'executorch"),
    ],
)
def test_missing_package_names_the_install(
    artefacts: Artefacts, monkeypatch: pytest.MonkeyPatch, format: str, module: str, line: str
) -> None:
    path = artefacts(format, "fp32")

    class Without:
        """Finds nothing below ``module``, before the finders that would."""

        def find_spec(self, name: str, *_: object) -> None:
            if name.split(".")[0] == module:
                raise ModuleNotFoundError(f"No module named '{module}'")

    for loaded in [name for name in sys.modules if name.split(".")[0] == module]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setattr(sys, "meta_path", [Without(), *sys.meta_path])
    with pytest.raises(InputError, match=line):
        RUNTIMES[format].load(path, threads=1)
