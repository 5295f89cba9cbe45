from __future__ import annotations

from dataclasses import asdict

import pytest

from fbdeploy.records.fields import StoredInputSpec
from stats.interval import Interval
from zoo.documents import Schema, validated
from zoo.errors import InputError
from zoo.input_spec import InputSpec


class Stored(Schema):
    spec: StoredInputSpec
    interval: Interval | None = None


SPEC = InputSpec(32, 64, crop_pct=1.0)
WRITTEN = {"spec": asdict(SPEC), "interval": [0.25, 0.5]}


def test_dataclasses_are_stored_as_they_are() -> None:
    read = validated(Stored, WRITTEN, "x.json", "deploy again")
    assert read == Stored(spec=SPEC, interval=Interval(0.25, 0.5))
    assert isinstance(read.spec, InputSpec)
    assert isinstance(read.interval, Interval)
    assert read.model_dump(mode="json")["interval"] == [0.25, 0.5]
    assert Stored.model_validate_json(read.model_dump_json()) == read


@pytest.mark.parametrize("name", list(asdict(SPEC)))
def test_a_field_that_has_a_default_may_not_be_missing(name: str) -> None:
    spec = {key: value for key, value in asdict(SPEC).items() if key != name}
    with pytest.raises(InputError, match=rf"^x\.json: spec: {name} is missing; deploy again$"):
        validated(Stored, {"spec": spec}, "x.json", "deploy again")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("height", 0, "spec.height: Input should be greater than or equal to 1"),
        ("std", (0.1, 0.0, 0.1), "spec.std.1: Input should be greater than or equal to 0.001"),
        ("crop_mode", "corners", "spec.crop_mode: Input should be"),
        ("layout", "NHWC", "spec.layout: Unexpected keyword argument"),
    ],
)
def test_a_value_out_of_its_range_is_named(name: str, value: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        validated(Stored, {"spec": asdict(SPEC) | {name: value}}, "x.json", "deploy again")


@pytest.mark.parametrize("value", [[1.0], [1.0, 2.0, 3.0], [0.0, float("nan")], ["low", 1.0]])
def test_an_interval_is_two_finite_numbers(value: object) -> None:
    with pytest.raises(InputError, match=r"interval\.?"):
        validated(Stored, WRITTEN | {"interval": value}, "x.json", "deploy again")


def test_the_schema_tells_what_must_be_there() -> None:
    definitions = Stored.model_json_schema()["$defs"]
    assert definitions["InputSpec"]["required"] == list(asdict(SPEC))
