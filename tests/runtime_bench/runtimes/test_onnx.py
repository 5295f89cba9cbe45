"""What ONNX Runtime is asked for, by the processor it runs on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from runtime_bench.machine.device import describe
from runtime_bench.measurement import Device
from runtime_bench.runtimes import RUNTIMES
from runtime_bench.runtimes import onnx as onnx_runtime
from runtime_bench.runtimes.onnx import saturates
from tasks.logits import logits_of


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
    found = logits_of(RUNTIMES["onnx"].load(tmp_path / "s.onnx", 1).run(image))
    assert np.array_equal(found, expected)
    assert ["may saturate" in message for message in caplog.messages] == [True]
