"""A device's outputs against this machine's, in numbers and in words."""

from __future__ import annotations

import numpy as np
import pytest

from runtime_bench.runtimes import runtime_of
from runtime_bench.runtimes.outputs import OutputDifference, host_outputs, noise_images
from tasks.logits import logits_of
from tests.runtime_bench.artefacts import CLASSES, SIZE, Artefacts
from zoo.errors import InputError

HOST = np.array([[1.0, -4.0, 2.0], [0.5, 3.0, 0.0]], np.float32)


def test_equal_outputs() -> None:
    found = OutputDifference.between({"logits": HOST.copy()}, {"logits": HOST})
    assert found == OutputDifference(True, 0.0, 0.0, 1.0)
    assert found.describe("int8") == "outputs equal this machine's"


def test_rounding_is_named_for_float_only() -> None:
    device = HOST * np.float32(1 + 1e-6)
    found = OutputDifference.between({"logits": device}, {"logits": HOST})
    assert found.largest == pytest.approx(4e-6, rel=0.1)
    assert found.relative == pytest.approx(1e-6, rel=0.1)
    assert "equal this machine's but for rounding (1e-06 relative)" in found.describe("fp32")
    assert "differ" in found.describe("int8") and "differ" in found.describe(None)


def test_a_real_difference_is_named() -> None:
    device = HOST.copy()
    device[0, 2] = -2.0
    text = OutputDifference.between({"logits": device}, {"logits": HOST}).describe("fp32")
    assert text == (
        "outputs differ from this machine's by 4 at most (1 relative), top-1 agrees on 50%"
    )


def test_the_output_that_differs_most_is_told() -> None:
    maps = np.full((2, 3, 4, 4), 100.0, np.float32)
    device = {"scores": HOST, "mask": maps + np.float32(1)}
    found = OutputDifference.between(device, {"scores": HOST, "mask": maps})
    assert (found.largest, found.relative) == (1.0, pytest.approx(0.01))
    assert found.agreement is None
    assert found.describe("fp32").endswith("by 1 at most (0.01 relative)")
    with pytest.raises(InputError, match="gives mask, scores and this machine scores, mask"):
        OutputDifference.between({"mask": maps, "scores": HOST}, {"scores": HOST, "mask": maps})


def test_the_host_s_own_outputs(artefacts: Artefacts) -> None:
    path = artefacts("onnx", "fp32")
    images = noise_images(path, 3)
    assert images.shape == (3, 3, SIZE, SIZE) and images.dtype == np.float32
    np.testing.assert_array_equal(images, noise_images(path, 3))
    outputs = logits_of(host_outputs(path, images))
    assert outputs.shape == (3, CLASSES)
    np.testing.assert_array_equal(outputs, logits_of(runtime_of(path).load(path, 1).run(images)))
