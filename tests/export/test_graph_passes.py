"""Each graph pass changes what it is for, keeps the numbers, and can be left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray

from export.format_info import FORMAT_INFO, NumberType
from export.formats import FORMATS
from export.graph_passes import ALL, GRAPH_PASSES, applies, skipped_passes
from export.inspection import inspect
from quantize import judging
from runtime_bench.runtimes import RUNTIMES
from tasks.logits import logits_of
from tests.export.conftest import Workshop
from tests.quantize.small_networks import noise_images
from zoo.errors import InputError

INT8 = ("executorch", "onnx", "coreml", "litert")


def outputs(
    workshop: Workshop, form: str, precision: NumberType, skipped: frozenset[str] = frozenset()
) -> NDArray[np.float32]:
    made = workshop.make(form, precision, skipped=skipped)
    return logits_of(RUNTIMES[form].load(made.path, threads=1).run(noise_images(16, seed=7)))


def operators(
    workshop: Workshop, form: str, precision: NumberType, skipped: frozenset[str] = frozenset()
) -> dict[str, int]:
    return inspect(workshop.make(form, precision, skipped=skipped).path).operators


@pytest.mark.parametrize("form", INT8)
def test_prepared_and_unprepared_int8_agree(workshop: Workshop, form: str) -> None:
    prepared, plain = (
        torch.from_numpy(outputs(workshop, form, "int8", skipped)) for skipped in (frozenset(), ALL)
    )
    assert judging.sqnr_db(plain, prepared) > 25


@pytest.mark.parametrize("form", INT8)
def test_what_is_skipped_is_not_listed(workshop: Workshop, form: str) -> None:
    prepared, plain = (
        {name for name, count in made.result.passes.items() if count}
        for made in (workshop.make(form, "int8"), workshop.make(form, "int8", skipped=ALL))
    )
    assert prepared & ALL
    assert not plain & ALL


def test_fold_hard_sigmoid_leaves_one_partition_in_executorch(workshop: Workshop) -> None:
    before, after = (operators(workshop, "executorch", "fp32", s) for s in (ALL, frozenset()))
    assert before["Div"] == 1 and "Div" not in after
    a, b = (outputs(workshop, "executorch", "fp32", s) for s in (ALL, frozenset()))
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * np.abs(a).max())


def test_integer_hard_swish_removes_conversions_in_executorch(workshop: Workshop) -> None:
    before, after = (operators(workshop, "executorch", "int8", s) for s in (ALL, frozenset()))
    assert before["Hardswish"] == after["Hardswish"]
    assert after["Convert"] == 2 < before["Convert"]


@pytest.mark.parametrize(
    ("form", "transpose", "quantize"),
    [("executorch", "StaticTranspose", "Convert"), ("litert", "TRANSPOSE", "QUANTIZE")],
)
def test_float_transpose_keeps_every_number(
    workshop: Workshop, tmp_path: Path, form: str, transpose: str, quantize: str
) -> None:
    exporter, images, first, found = FORMATS[form], noise_images(4), [], []
    for skipped in (frozenset({"float_transpose"}), frozenset[str]()):
        # Where there is a choice of layouts, that which leaves a transposition.
        source = workshop.source("int8", skipped=skipped, layout="nchw")
        path = tmp_path / f"{len(skipped)}{FORMAT_INFO[form].suffix}"
        exporter.export(source, path)
        first.append(list(inspect(path).operator_dtypes[transpose]))
        found.append(logits_of(RUNTIMES[form].load(path, 1).run(images)))
    assert "float32" not in first[0] and "float32" in first[1]
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize(("form", "swish"), [("onnx", "HardSwish"), ("litert", "HARD_SWISH")])
def test_hard_swish_product_leaves_none_and_no_island(
    workshop: Workshop, form: str, swish: str
) -> None:
    prepared, plain = (
        inspect(workshop.make(form, "int8", skipped=s).path) for s in (frozenset(), ALL)
    )
    assert swish not in prepared.operators
    inner = ("between int8", "outside the delegate")
    assert not any(island.kind in inner for island in prepared.islands)
    assert any(island.kind in inner for island in plain.islands)


def test_clipped_gate_replaces_the_additions(workshop: Workshop) -> None:
    skipped = frozenset({"clipped_gate"})
    before, after = (operators(workshop, "onnx", "int8", s) for s in (skipped, frozenset()))
    clips = after["Clip"]
    assert clips > 0 and "Clip" not in before
    assert before["QLinearAdd"] - after.get("QLinearAdd", 0) == clips
    a, b = (torch.from_numpy(outputs(workshop, "onnx", "int8", s)) for s in (skipped, frozenset()))
    assert judging.sqnr_db(a, b) > 25


def test_clipped_integers_are_x_plus_3(workshop: Workshop) -> None:
    model = onnx.load(workshop.make("onnx", "int8").path)
    values = {e.name: onnx.numpy_helper.to_array(e) for e in model.graph.initializer}
    made_by = {name: n for n in model.graph.node for name in n.output}
    clips = [n for n in model.graph.node if n.op_type == "Clip"]
    assert clips
    for clip in clips:
        source = made_by[clip.input[0]]
        gate = next(n for n in model.graph.node if clip.output[0] in n.input)
        scale, zero = float(values[source.input[1]]), int(values[source.input[2]])
        assert float(values[gate.input[1]]) == scale
        assert scale * (zero - int(values[gate.input[2]])) == pytest.approx(3.0, rel=1e-6)
        top = int(values[clip.input[2]]) - int(values[gate.input[2]])
        assert min(6.0, top * scale) == pytest.approx(top * scale, abs=0.51 * scale)


def test_fused_hard_swish_leaves_no_island_in_core_ml(workshop: Workshop) -> None:
    before, after = (
        inspect(workshop.make("coreml", "int8", skipped=s).path).islands for s in (ALL, frozenset())
    )
    assert "sigmoid_hard" in {name for island in before for name in island.operators}
    # Only the two means are left, of which Core ML has no int8 form.
    inner = (island.operators for island in after if island.kind == "between int8")
    assert {name for operators in inner for name in operators} == {"reduce_mean"}


def test_pools_can_stay_as_torch_wrote_them(workshop: Workshop) -> None:
    plain, prepared = (
        {node.op_type for node in onnx.load(path).graph.node}
        for path in (workshop.make("onnx", "int8", skipped=s).path for s in (ALL, frozenset()))
    )
    assert "ReduceMean" in plain - prepared
    assert "GlobalAveragePool" in prepared - plain


def test_names() -> None:
    assert skipped_passes("all") == ALL == set(GRAPH_PASSES)
    assert skipped_passes("clipped_gate, float_transpose") == {"clipped_gate", "float_transpose"}
    with pytest.raises(InputError, match="--skip-pass faster: no such pass; give some of fold"):
        skipped_passes("faster")
    with pytest.raises(ValueError, match="not listed"):
        applies("faster", ())
