"""torchvision's networks against torchvision: sizes, values, and files of its layouts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision

from zoo.counting import count
from zoo.errors import InputError
from zoo.names import SEGMENTERS
from zoo.networks import InputOverrides, load_network
from zoo.segmentation.segmenter import FullResolution
from zoo.segmentation.torchvision_networks import build, input_spec, published

MOBILE = ("lraspp_mobilenet_v3_large", "deeplabv3_mobilenet_v3_large")


def _whole(name: str, **arguments: object) -> Any:
    torch.manual_seed(0)
    builder = torchvision.models.get_model_builder(name)
    return builder(weights=None, weights_backbone=None, **arguments).eval()


@pytest.mark.parametrize("name", SEGMENTERS)
def test_parameters_and_macs_are_the_published_ones(name: str) -> None:
    """At 520 pixels, with the auxiliary head of the published weights, on a map of stride 8."""
    with torch.device("meta"):
        found = count(build(name), input_spec(name).shape)
        parameters, macs = found.parameters, found.macs
        if not name.startswith("lraspp"):
            head = _whole(name, aux_loss=True).aux_classifier
            auxiliary = count(head, (1, head[0].in_channels, 65, 65))
            parameters += auxiliary.parameters
            macs += auxiliary.macs
    assert parameters == published(name).meta["num_params"]
    assert macs / 1e9 == pytest.approx(published(name).meta["_ops"], abs=6e-4)


@pytest.mark.parametrize(
    ("name", "auxiliary"),
    [(MOBILE[0], False), (MOBILE[1], False), (MOBILE[1], True), ("fcn_resnet50", True)],
)
def test_logits_are_torchvisions(name: str, auxiliary: bool, tmp_path: Path) -> None:
    whole = _whole(name, num_classes=5, **({"aux_loss": True} if auxiliary else {}))
    # As torchvision's references/segmentation/train.py writes it.
    torch.save({"model": whole.state_dict(), "epoch": 3}, tmp_path / "model.pth")
    loaded = load_network(name, tmp_path / "model.pth", overrides=InputOverrides(size=64))
    assert loaded.num_classes == 5 and loaded.weights.layout == "torchvision"
    assert (loaded.task, loaded.input_spec.width) == ("segmentation", 64)
    assert loaded.interface.names == ("logits",)
    network = loaded.module
    x = torch.rand(2, 3, 64, 97)
    with torch.no_grad():
        low = network(x)
        wanted = whole(x)["out"]
        assert low.shape[:2] == (2, 5) and low.shape[2] < 64
        torch.testing.assert_close(FullResolution(network)(x), wanted, rtol=0, atol=0)


def test_a_file_that_does_not_fit(tmp_path: Path) -> None:
    name = MOBILE[0]
    torch.save(_whole(name, num_classes=5).state_dict(), tmp_path / "five.pth")
    with pytest.raises(InputError, match=r"five.pth.* its classes are 5"):
        load_network(name, tmp_path / "five.pth", num_classes=21)
    with pytest.raises(InputError, match=r"five.pth: does not fit deeplabv3_mobilenet_v3_large"):
        load_network(MOBILE[1], tmp_path / "five.pth")


@pytest.mark.parametrize("name", SEGMENTERS)
def test_the_input_is_the_published_one(name: str) -> None:
    spec = input_spec(name)
    assert (spec.height, spec.width, spec.crop_pct) == (520, 520, 1.0)
    assert spec.interpolation == "bilinear" and spec.mean[0] == 0.485


def test_every_network_of_torchvision_is_there() -> None:
    listed = torchvision.models.list_models(module=torchvision.models.segmentation)
    assert sorted(SEGMENTERS) == sorted(listed)


def test_labels_are_pascal_vocs() -> None:
    network = load_network(MOBILE[0], overrides=InputOverrides(size=64))
    assert network.num_classes == 21 and network.labels[15] == "person"
    assert network.outputs[0].shape == (1, 21, 8, 8)


@pytest.mark.parametrize("options", [{"num_classes": 0}, {"features_only": True}])
def test_what_a_segmenter_has_not(options: Any) -> None:
    with pytest.raises(InputError, match=f"{MOBILE[0]}: is a segmenter"):
        load_network(MOBILE[0], overrides=InputOverrides(size=64), **options)
