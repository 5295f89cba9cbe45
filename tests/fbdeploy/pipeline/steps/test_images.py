"""How many images are run together."""

from __future__ import annotations

from fbdeploy.pipeline.steps.images import BATCH, OUTPUT_BYTES, answer_bytes, at_once
from zoo.input_spec import InputSpec


def test_answers_at_the_size_of_the_input_are_run_few_at_once() -> None:
    """21 classes at 520 x 520 pixels are 22.7 MB an image (../shared/reference/detection.md)."""
    spec, low = InputSpec(520, 520), 4 * 21 * 65 * 65
    assert at_once(answer_bytes("raw", low, 21, spec)) == BATCH
    for form in ("resized", "classes"):
        size = answer_bytes(form, low, 21, spec)
        assert size == 22_713_600 and at_once(size) == 2 and at_once(size) * size <= OUTPUT_BYTES
    assert at_once(10 * OUTPUT_BYTES) == 1 and at_once(0) == BATCH
