from __future__ import annotations

import pytest

from runtime_bench.emulation.kernels import kernel_family


def test_the_class_with_most_products_names_the_family() -> None:
    family = kernel_family({"sdot": 100, "mlal_8": 150, "load": 10_000})
    assert family is not None
    assert (family.instruction_class, family.name) == ("sdot", "int8 dot product (SDOT)")
    # 100 x 16 and 150 x 8 multiply-accumulates.
    assert family.shares == pytest.approx({"sdot": 1600 / 2800, "mlal_8": 1200 / 2800})


def test_without_products_there_is_no_family() -> None:
    assert kernel_family({"load": 3, "alu": 5}) is None
