"""Kinds, shares and islands of hand-made graphs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from export.inspection.graph import Graph, Operation, Reading, Value
from export.inspection.summary import inspection_of

FLOAT = Value("float32", (1, 4, 10))
INT8 = Value("int8", (1, 4, 10))


def operation(operator: str, read: Sequence[str], written: str, **more: object) -> Operation:
    return replace(Operation(operator, written, tuple(read), (written,)), **more)


def reading(operations: Sequence[Operation], partitions: int | None = None) -> Reading:
    """A graph whose values are named after their type: f0, q1, w2 (a constant)."""
    names = {name for o in operations for name in (*o.inputs, *o.outputs)}
    kinds = {"f": FLOAT, "q": INT8, "w": Value("int8", (4,), constant=True)}
    values = {name: kinds[name[0]] for name in names}
    return Reading(
        format="test",
        graph=Graph(values, tuple(operations)),
        inputs=(),
        outputs=(),
        weight_bytes={},
        explain=lambda members, kind: f"{kind} {len(members)}",
        partitions=partitions,
    )


def test_hard_swish_written_out_is_one_island() -> None:
    found = inspection_of(
        reading(
            [
                operation("Quantize", ["f0"], "q0"),
                operation("Conv", ["q0", "w0"], "q1", macs=1000),
                operation("Dequantize", ["q1"], "f1"),
                operation("HardSigmoid", ["f1"], "f2"),
                operation("Mul", ["f1", "f2"], "f3"),
                operation("Quantize", ["f3"], "q2"),
                operation("Conv", ["q2", "w1"], "q3", macs=500),
                operation("Dequantize", ["q3"], "f4"),
            ]
        )
    )
    assert found.macs == 1500
    assert found.int8_share == 1
    assert found.delegated_share is None
    (island,) = found.islands
    assert island.operators == ("HardSigmoid", "Mul")
    assert island.kind == "between int8"
    assert island.name == "f3"
    # Dequantize 80, HardSigmoid 80, Mul 120, Quantize 80 elements.
    assert (island.macs, island.elements) == (0, 360)
    # And outside: two conversions at the border, and two convolutions with their MACs.
    assert island.share == pytest.approx(360 / (360 + 160 + 80 + 1000 + 80 + 500))


def test_float_convolution_counts_against_int8() -> None:
    found = inspection_of(
        reading(
            [
                operation("Conv", ["f0", "w0"], "f1", macs=300),
                operation("Quantize", ["f1"], "q1"),
                operation("Conv", ["q1", "w1"], "q2", macs=700),
                operation("Dequantize", ["q2"], "f2"),
            ]
        )
    )
    assert found.int8_share == pytest.approx(0.7)
    (island,) = found.islands
    assert island.kind == "at the border"
    assert island.macs == 300


def test_matrix_product_may_leave_int8_itself() -> None:
    found = inspection_of(reading([operation("QLinear", ["q0", "w0"], "f0", macs=10)]))
    assert found.int8_share == 1


def test_what_the_delegate_leaves() -> None:
    found = inspection_of(
        reading(
            [
                operation("Conv", ["q0", "w0"], "q1", macs=600, delegated=True),
                operation("HardSwish", ["q1"], "q2"),
                operation("Conv", ["q2", "w1"], "q3", macs=300),
                operation("Add", ["q3", "q0"], "q4", delegated=True),
            ],
            partitions=2,
        )
    )
    assert found.partitions == 2
    assert found.delegated_share == pytest.approx(2 / 3)
    assert found.int8_share == 1
    (island,) = found.islands
    assert island.kind == "outside the delegate"
    assert island.operators == ("HardSwish", "Conv")
    assert island.macs == 300


def test_float_network_is_no_island() -> None:
    operations = [
        operation("Conv", ["f0", "w0"], "f1", macs=10, delegated=True),
        operation("Relu", ["f1"], "f2"),
    ]
    assert inspection_of(reading(operations)).islands == ()
    (island,) = inspection_of(reading(operations, partitions=1)).islands
    assert island.operators == ("Relu",)


def test_islands_that_meet_later_are_one() -> None:
    (island,) = inspection_of(
        reading(
            [
                operation("Dequantize", ["q0"], "f0"),
                operation("Relu", ["f0"], "f1"),
                operation("Dequantize", ["q1"], "f2"),
                operation("Tanh", ["f2"], "f3"),
                operation("Add", ["f1", "f3"], "f4"),
                operation("Quantize", ["f4"], "q2"),
                operation("Conv", ["q2", "w0"], "q3", macs=1),
            ]
        )
    ).islands
    assert island.operators == ("Relu", "Tanh", "Add")


def test_constants_take_no_part() -> None:
    found = inspection_of(
        reading(
            [
                operation("Dequantize", ["w0"], "f0"),
                operation("Reshape", ["f0"], "f1"),
                operation("Conv", ["q0", "w1"], "q1", macs=1),
            ]
        )
    )
    assert found.islands == ()
    assert found.operators == {"Dequantize": 1, "Reshape": 1, "Conv": 1}
