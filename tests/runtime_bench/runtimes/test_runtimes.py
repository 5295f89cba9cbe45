from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from export.format_info import FORMAT_INFO
from runtime_bench.machine.device import describe
from runtime_bench.measurement import Device
from runtime_bench.runtimes import RUNTIMES, runtime_of
from runtime_bench.runtimes import onnx as onnx_runtime
from runtime_bench.runtimes.onnx import saturates
from tasks.classification.task import logits_of
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


def test_int8_borders_are_refused(artefacts: Artefacts) -> None:
    assert "int8" in _refused(artefacts("litert", "int8-borders"))


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


def _device(architecture: str, *isa: str) -> Device:
    return describe().model_copy(update={"architecture": architecture, "isa": isa})


def test_exact_int8_is_asked_for_where_products_saturate() -> None:
    assert saturates(_device("x86_64", "avx2"))
    assert saturates(_device("x86_64", "avx2", "avx512f", "avx512bw"))
    assert not saturates(_device("x86_64", "avx2", "avx512_vnni"))
    assert not saturates(_device("x86_64", "avx2", "avx_vnni"))
    assert not saturates(_device("aarch64", "asimd", "asimddp"))


def _largest_products() -> onnx.ModelProto:
    """Each logit is the sum of a (1, 3, 8, 8) image: inputs of 255 steps by weights of 127."""
    helper, array = onnx.helper, onnx.numpy_helper.from_array
    constants = {
        "x_scale": np.float32(1 / 255),
        "x_zero": np.uint8(0),
        "weight": np.full((4, 3, 8, 8), 127, np.int8),
        "weight_scale": np.full(4, 1 / 127, np.float32),
        "weight_zero": np.zeros(4, np.int8),
        "y_scale": np.float32(1),
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "x_scale", "x_zero"], ["xq"]),
        helper.make_node("DequantizeLinear", ["xq", "x_scale", "x_zero"], ["xd"]),
        helper.make_node(
            "DequantizeLinear", ["weight", "weight_scale", "weight_zero"], ["wd"], axis=0
        ),
        helper.make_node("Conv", ["xd", "wd"], ["y"]),
        helper.make_node("QuantizeLinear", ["y", "y_scale", "x_zero"], ["yq"]),
        helper.make_node("DequantizeLinear", ["yq", "y_scale", "x_zero"], ["yd"]),
        helper.make_node("Flatten", ["yd"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "largest",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, [1, 4])],
        [array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def test_int8_products_do_not_saturate(tmp_path: Path) -> None:
    """255 * 127 twice is more than 16 bits hold: a layer of the largest values there are."""
    path = tmp_path / "largest.onnx"
    onnx.save(_largest_products(), path)
    session = RUNTIMES["onnx"].load(path, threads=1)
    image = np.ones((1, 3, 8, 8), np.float32)
    assert logits_of(session.run(image))[0, 0] == pytest.approx(3 * 8 * 8, rel=0.01)


def test_weights_that_two_nodes_share_still_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """onnxruntime 1.31.1 fails to make them uint8 ("Attempt to replace the existing tensor")."""
    make = onnx.helper.make_node
    nodes = [
        make("QuantizeLinear", ["input", "scale", "zero"], ["q"]),
        make("DequantizeLinear", ["q", "scale", "zero"], ["x"]),
        make("DequantizeLinear", ["w", "scale", "w_zero"], ["w1"]),
        make("DequantizeLinear", ["w", "scale", "w_zero"], ["w2"]),
        make("Conv", ["x", "w1"], ["c1"], pads=[1, 1, 1, 1]),
        make("QuantizeLinear", ["c1", "scale", "zero"], ["q1"]),
        make("DequantizeLinear", ["q1", "scale", "zero"], ["x1"]),
        make("Conv", ["x1", "w2"], ["c2"], pads=[1, 1, 1, 1]),
        make("QuantizeLinear", ["c2", "scale", "zero"], ["q2"]),
        make("DequantizeLinear", ["q2", "scale", "zero"], ["x2"]),
        make("ReduceMean", ["x2", "axes"], ["logits"], keepdims=0),
    ]
    weights = np.random.default_rng(0).integers(-127, 128, (3, 3, 3, 3), np.int8)
    held = {
        "scale": np.float32(0.05),
        "zero": np.uint8(128),
        "w_zero": np.int8(0),
        "w": weights,
        "axes": np.array([2, 3]),
    }
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes,
        "shared",
        [value("input", onnx.TensorProto.FLOAT, [1, 3, 8, 8])],
        [value("logits", onnx.TensorProto.FLOAT, [1, 3])],
        [onnx.numpy_helper.from_array(np.asarray(array), name) for name, array in held.items()],
    )
    opset = onnx.helper.make_opsetid("", 18)
    onnx.save(
        onnx.helper.make_model(graph, opset_imports=[opset], ir_version=9), tmp_path / "s.onnx"
    )
    image = np.random.default_rng(1).standard_normal((1, 3, 8, 8), np.float32)
    monkeypatch.setattr(onnx_runtime, "saturates", lambda device: False)
    expected = logits_of(RUNTIMES["onnx"].load(tmp_path / "s.onnx", 1).run(image))
    assert not caplog.messages
    monkeypatch.setattr(onnx_runtime, "saturates", lambda device: True)
    assert np.array_equal(
        logits_of(RUNTIMES["onnx"].load(tmp_path / "s.onnx", 1).run(image)), expected
    )
    assert ["may saturate" in message for message in caplog.messages] == [True]
