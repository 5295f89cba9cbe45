"""Which images a deployment takes, and what it asks for."""

from __future__ import annotations

from typing import Any

import pytest

from fbdeploy.pipeline.image_sources import ImagesMissing, ImageSources, image_sources
from zoo.errors import InputError

BOTH = ("fp32", "int8")


def found(*builds: Any, given: tuple[Any, Any] = (None, None), **how: Any) -> tuple[Any, Any]:
    network, weights = how.pop("network", "net"), how.pop("weights", None)
    sources = image_sources(network, weights, ImageSources(*given), builds or BOTH, **how)
    return sources.data, sources.calibration


def test_the_embedded_network_has_its_own() -> None:
    assert found(network="default") == ("fashion-mnist", "fashion-mnist-calibration")
    assert found(network="default", given=("d", None)) == ("d", "fashion-mnist-calibration")
    with pytest.raises(ImagesMissing):
        found(network="default", weights="other.pth")


def test_only_int8_is_calibrated() -> None:
    assert found("fp32", "fp16", given=("d", None)) == ("d", None)
    assert found("fp32", given=("d", "c")) == ("d", None)
    assert found("int8-qat", given=("d", "c")) == ("d", "c")


def test_artefacts_only_needs_nothing_to_score() -> None:
    assert found("fp32", artefacts_only=True) == (None, None)
    assert found(given=(None, "c"), artefacts_only=True) == (None, "c")
    with pytest.raises(ImagesMissing, match="net: --calibration is missing; give a folder"):
        found(artefacts_only=True)


def test_without_data_nothing_is_scored() -> None:
    assert found(no_data=True) == (None, "random-images")
    assert found(no_data=True, network="default") == (None, "random-images")
    assert found(no_data=True, given=(None, "c")) == (None, "c")
    assert found("fp32", no_data=True) == (None, None)
    with pytest.raises(InputError, match="--data d: contradicts --no-data"):
        found(no_data=True, given=("d", None))
    with pytest.raises(InputError, match="int8-qat: is not trained on random images"):
        found("int8-qat", no_data=True)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            (None, None),
            "net: --data is missing, and --calibration too; give a folder of images",
        ),
        ((None, "c"), "net: --data is missing; give a folder of images, or --no-data for size"),
        (("d", None), "net: --calibration is missing; give a folder of images, or --no-data"),
    ],
)
def test_what_is_missing_is_asked_for_in_one_line(given: tuple[Any, Any], said: str) -> None:
    with pytest.raises(ImagesMissing) as caught:
        found(given=given)
    assert str(caught.value).startswith(said) and "\n" not in str(caught.value)
