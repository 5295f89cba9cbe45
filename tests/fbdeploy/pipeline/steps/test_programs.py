"""What identifies a program."""

from __future__ import annotations

from fbdeploy.pipeline.steps.programs import program_key
from fbdeploy.records.manifest import DatasetInfo
from quantize.recipe import Corrections, Recipe, Training

IMAGES = DatasetInfo(name="photos", images=64, identity="0" * 64)


def _key(*, distillation: bool, steps: int) -> str:
    corrections = Corrections(distillation=distillation)
    recipe = Recipe(name="x", corrections=corrections, qat=Training(steps=steps))
    return program_key("network", IMAGES, recipe)


def test_training_settings_identify_a_post_training_program_only_if_it_distils() -> None:
    assert _key(distillation=False, steps=1) == _key(distillation=False, steps=2)
    assert _key(distillation=True, steps=1) != _key(distillation=True, steps=2)
