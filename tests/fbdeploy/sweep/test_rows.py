from __future__ import annotations

from pathlib import Path

from fbdeploy.sweep.page import render
from fbdeploy.sweep.plan import NetworkPlan, SweepPlan
from fbdeploy.sweep.rows import Exported, join
from tests.fbdeploy.samples import PHONE, on_phone, sample


def test_two_devices_behind_one_target_have_a_front_each() -> None:
    """As hosts of a cluster are: each one's times are of target ``local``."""
    manifest, lines = sample()
    medians = {"int8/model.pte": 0.1, "fp32/model.pte": 0.2}
    other = on_phone(lines, medians, target="local", host="lab2")
    export = Exported("net", "ptq", Path("net"), ("fp32", "int8"), manifest)
    rows = join([export], [*lines, *other])
    devices = [row.device for row in rows]
    assert devices.count("a made-up processor") == 8 and devices.count(PHONE.name) == 2
    front = {(row.device, row.result.path) for row in rows if row.on_front}
    assert {device for device, _ in front} == set(devices)
    assert ("a made-up processor", "net/int8/model.onnx") in front
    page = render(SweepPlan(networks=(NetworkPlan(name="net"),)), rows, [])
    assert page.count('<p class="soft">a made-up processor</p>') == 1
    assert page.count(f'<p class="soft">lab2, {PHONE.name}</p>') == 1


def test_two_devices_of_one_name_are_not_one() -> None:
    """Such as a phone that is sold with either of two processors."""
    manifest, lines = sample()
    export = Exported("net", "ptq", Path("net"), ("fp32", "int8"), manifest)
    medians = {"int8/model.pte": 0.1, "fp32/model.pte": 0.2}
    twin = PHONE.model_copy(update={"soc": "another"})
    both = [*on_phone(lines, medians), *on_phone(lines, medians, device=twin)]
    rows = [row for row in join([export], [*lines, *both]) if row.device == PHONE.name]
    assert [row.result.path for row in rows[:2]] == [row.result.path for row in rows[2:]]
    assert len(rows) == 4 and all(row.on_front for row in rows)
