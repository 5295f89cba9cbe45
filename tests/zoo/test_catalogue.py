from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from zoo import hub
from zoo.architecture import architectures
from zoo.catalogue import catalogue, count_entry
from zoo.detection.config import detector_names
from zoo.foreign_networks import as_installed, foreign_networks
from zoo.names import DETECTORS, SEGMENTERS, resolve

ENTRIES = {entry.name: entry for entry in catalogue()}


def test_every_network_of_the_issue_is_listed() -> None:
    assert set(architectures()) <= ENTRIES.keys()
    wanted = ["default", "fbnetc_100", "fbnetv3_b", "fbnetv3_d", "fbnetv3_g"]
    wanted += [f"tf_efficientnet_lite{size}" for size in range(5)]
    wanted += ["mobilenetv3_large_100", "tf_mobilenetv3_small_100"]
    wanted += ["mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "resnet18", "resnet50"]
    assert set(wanted) <= ENTRIES.keys()
    assert len(ENTRIES) == len(catalogue())


def test_what_is_listed_resolves_and_aliases_lead_to_it() -> None:
    for entry in ENTRIES.values():
        if entry.available:
            assert resolve(entry.name).source == entry.source
            assert all(resolve(alias).canonical == entry.name for alias in entry.aliases)
    assert "fbnetv2_f1" in ENTRIES["FBNetV2_F1"].aliases


def test_unpublished_architectures_show_their_figures() -> None:
    figures = {n: e for n, e in ENTRIES.items() if not e.available}
    assert {n: (e.published_params_m, e.published_top1) for n, e in figures.items()} == {
        "dmasking_p1": (2.64, 73.9),
        "dmasking_p2": (2.99, 74.8),
        "dmasking_p3": (4.0, 75.9),
    }
    assert all(count_entry(entry) is None for entry in figures.values())


@pytest.mark.parametrize("name", ["fbnet_96", "tf_efficientnet_lite0", "mobilenet_v3_small"])
def test_counts(name: str) -> None:
    counts = count_entry(ENTRIES[name])
    assert counts is not None
    # fbnet_96: the facts' re-derivation; EfficientNet-Lite0 4.65 M (its model card); MobileNetV3
    # 2.54 M (torchvision's metadata).
    expected = {
        "fbnet_96": 1846728,
        "tf_efficientnet_lite0": 4652008,
        "mobilenet_v3_small": 2542856,
    }
    assert counts.parameters == expected[name]


def test_weights_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    before = {entry.name: entry.weights for entry in catalogue()}
    assert before["FBNetV2_F1"] == "download"
    assert before["FBNetV3_20G"] == "none"
    from zoo.hub import _cached_path

    url = architectures()["FBNetV2_F1"].weights_url
    assert url is not None
    cached = _cached_path(url)
    cached.parent.mkdir(parents=True)
    cached.touch()
    assert {e.name: e.weights for e in catalogue()}["FBNetV2_F1"] == "cached"


def test_segmenters_are_listed_with_their_miou() -> None:
    """Those of TorchVision's article on MobileNetV3, and the embedded one."""
    found = {name: entry for name, entry in ENTRIES.items() if entry.task == "segmentation"}
    assert set(found) == {"default-segmenter", *SEGMENTERS}
    assert found["lraspp_mobilenet_v3_large"].published_miou == 57.9
    assert found["deeplabv3_mobilenet_v3_large"].published_miou == 60.3
    assert found["default-segmenter"].input_size == 128


def test_the_list_needs_neither_torch_nor_the_packages_it_tells_of() -> None:
    code = (
        "import sys\nfrom zoo.catalogue import catalogue\ncatalogue()\n"
        "print(sorted({'torch', 'timm', 'torchvision'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_what_is_stored_of_other_packages_is_what_they_say() -> None:
    assert foreign_networks() == tuple(as_installed())
    assert {network.source for network in foreign_networks()} == {"timm", "torchvision"}


def test_torch_s_cache_is_found_without_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variables in (
        {"TORCH_HOME": str(tmp_path / "home")},
        {"XDG_CACHE_HOME": str(tmp_path / "cache")},
        {"HOME": str(tmp_path)},
    ):
        with monkeypatch.context() as patch:
            for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
                patch.delenv(name, raising=False)
            for name, value in variables.items():
                patch.setenv(name, value)
            with_torch = hub._torch_hub()
            patch.delitem(sys.modules, "torch")
            assert hub._torch_hub() == with_torch
            assert tmp_path in with_torch.parents


def test_detectors_are_listed_with_their_average_precision() -> None:
    """D2Go's model zoo (facebookresearch/d2go, MODEL_ZOO.md), and torchvision's metadata."""
    found = {name: entry for name, entry in ENTRIES.items() if entry.task == "detection"}
    assert found.keys() == {"default-detector", *detector_names(), *DETECTORS}
    assert len(found) == 10
    assert found["ssdlite320_mobilenet_v3_large"].published_ap == 21.3
    assert found["fbnetv3_a_dsmask_c4"].published_ap == 21.06
    assert found["fbnetv3_g_fpn"].published_ap == 43.13
    counts = count_entry(found["fbnetv3_a_dsmask_c4"])
    assert counts is not None and 1.7e6 < counts.parameters < 1.8e6
