"""Detectors by name, as every other network."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from zoo.detection.config import DetectorOptions
from zoo.detection.labels import coco_labels
from zoo.detection.loading import load_detector
from zoo.errors import InputError
from zoo.networks import InputOverrides, load_network

NAME = "fbnetv3_a_dsmask_c4"
SMALL = InputOverrides(size=64)


def test_a_detector_with_masks_by_name() -> None:
    network = load_network(f"{NAME}_mask", overrides=SMALL)
    assert network.task == "detection" and network.num_classes == 80
    assert network.labels == coco_labels() and network.labels[:2] == ("person", "bicycle")
    spec = network.input_spec
    assert (spec.height, spec.width, spec.crop_mode, spec.crop_pct) == (64, 64, "letterbox", 1.0)
    shapes = {output.name: output.shape for output in network.outputs}
    assert shapes == {
        "boxes": (1, 100, 4),
        "scores": (1, 100),
        "labels": (1, 100),
        "masks": (1, 100, 28, 28),
    }
    assert network.interface.select(network.module(torch.zeros(spec.shape)))[1].shape == (1, 100)


@pytest.mark.parametrize("norm", ["naiveSyncBN", "folded"])
def test_classes_and_normalization_are_the_files(norm: str, tmp_path: Path) -> None:
    options = DetectorOptions(classes=4, norm=norm)  # type: ignore[arg-type]
    module = load_detector(NAME, options=options, size=(64, 64)).module
    save_file(module.state_dict(), tmp_path / "own.safetensors")
    network = load_network(NAME, tmp_path / "own.safetensors", overrides=SMALL)
    assert network.num_classes == 4 and network.labels == ("0", "1", "2", "3")
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for ours, theirs in zip(network.module(x), module(x), strict=True):
            assert torch.equal(ours, theirs)
    with pytest.raises(InputError, match="box_head"):
        load_network(NAME, tmp_path / "own.safetensors", num_classes=7, overrides=SMALL)


def test_what_a_detector_cannot_be_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="without an embedding"):
        load_network(NAME, num_classes=0, overrides=SMALL)
    with pytest.raises(InputError, match="is a detector; take the features"):
        load_network(NAME, features_only=True, overrides=SMALL)
    with pytest.raises(InputError, match="no longer published"):
        load_network(NAME, "pretrained", overrides=SMALL)
    with pytest.raises(InputError, match="no such weights file"):
        load_network(NAME, tmp_path / "none.pth", overrides=SMALL)
    with pytest.raises(InputError, match=f"nearest: .*{NAME}"):
        load_network("fbnetv3_a_dsmask_c5")
