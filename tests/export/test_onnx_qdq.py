"""The QDQ graph is one that onnxruntime fuses."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from tests.export.conftest import Workshop


def initializers(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {e.name: onnx.numpy_helper.to_array(e) for e in model.graph.initializer}


@pytest.mark.parametrize(("variant", "kind"), [("", np.uint8), ("s8s8", np.int8)])
def test_activations_have_the_variant_s_type(workshop: Workshop, variant: str, kind: type) -> None:
    model = onnx.load(workshop.make("onnx", "int8", variant).path)
    values = initializers(model)
    quantizes = [n for n in model.graph.node if n.op_type == "QuantizeLinear"]
    assert {values[n.input[2]].dtype.type for n in quantizes} == {kind}


def test_biases_are_int32_at_the_product_of_the_scales(workshop: Workshop) -> None:
    model = onnx.load(workshop.make("onnx", "int8").path)
    values = initializers(model)
    made_by = {name: n for n in model.graph.node for name in n.output}
    layers = [n for n in model.graph.node if n.op_type in ("Conv", "Gemm")]
    assert len(layers) == len(workshop.program.weights)
    for layer in layers:
        source, weight, bias = (made_by[name] for name in layer.input)
        assert values[bias.input[0]].dtype == np.int32
        product = values[source.input[1]] * values[weight.input[1]]
        np.testing.assert_allclose(values[bias.input[1]], product, rtol=1e-6)


def test_both_variants_have_the_same_weights(workshop: Workshop) -> None:
    models = [onnx.load(workshop.make("onnx", "int8", v).path) for v in ("", "s8s8")]
    weights = [
        {k: v for k, v in initializers(m).items() if v.dtype == np.int8 and v.ndim == 4}
        for m in models
    ]
    assert weights[0]
    for name, value in weights[0].items():
        np.testing.assert_array_equal(value, weights[1][name])


def test_global_pools_are_pools(workshop: Workshop) -> None:
    model = onnx.load(workshop.make("onnx", "int8").path)
    kinds = [n.op_type for n in model.graph.node]
    assert kinds.count("GlobalAveragePool") == 2
    assert "ReduceMean" not in kinds
