from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from torch import nn

from zoo.architecture import architectures
from zoo.counting import Counts, count
from zoo.fbnet import FBNet

PUBLISHED = [name for name, table in architectures().items() if table.published]


@cache
def _count(name: str) -> Counts:
    table = architectures()[name]
    with torch.device("meta"):
        network = FBNet(table)
    return count(network, (1, 3, table.input_size, table.input_size))


def _published_digits(number: int) -> tuple[float, float]:
    return round(number / 1e6, 5), number / 1e6


def test_twenty_networks_have_published_figures() -> None:
    assert len(PUBLISHED) == 20
    assert len(architectures()) == 24


@pytest.mark.parametrize("name", PUBLISHED)
def test_counts_equal_the_published_digits(name: str) -> None:
    published = architectures()[name].published
    counts = _count(name)
    assert published is not None
    # Most figures of FBNetV1 and dmasking were published to five decimals, the others exactly.
    assert published.params_m in _published_digits(counts.published_parameters)
    assert published.macs_m in _published_digits(counts.published_macs)


def test_tables_and_counts_agree_with_the_facts(shared: Path) -> None:
    facts = json.loads((shared / "facts" / "fbnet_archs.json").read_text())["models"]
    assert {fact["name"] for fact in facts} == set(architectures())
    for fact in facts:
        table, derived = architectures()[fact["name"]], fact["rederived"]
        counts = _count(fact["name"])
        assert counts.parameters == round(derived["params_all_m"] * 1e6)
        assert counts.published_parameters == round(derived["params_weights_only_m"] * 1e6)
        assert counts.macs == round(derived["conv_linear_macs_m"] * 1e6)
        assert counts.published_macs == round(derived["macs_plus_global_pool_inputs_m"] * 1e6)
        if table.published is None:
            assert not fact["published"]
        else:
            assert table.published.params_m == fact["published"]["params_m"]
            assert table.published.macs_m == fact["published"]["flops_m"]
            assert table.published.top1 == pytest.approx(fact["published"]["top_1_accuracy"])


@pytest.mark.parametrize(
    "name", ["mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "resnet18", "resnet50"]
)
def test_counts_agree_with_torchvisions_metadata(name: str) -> None:
    meta = torchvision.models.get_model_weights(name).DEFAULT.meta
    with torch.device("meta"):
        network = torchvision.models.get_model(name)
    counts = count(network, (1, 3, 224, 224))
    assert counts.parameters == meta["num_params"]
    assert round(counts.macs / 1e9, 3) == meta["_ops"]


@pytest.mark.parametrize(
    # The millions of parameters on the model cards of huggingface.co/timm.
    ("name", "millions"),
    [("fbnetc_100", 5.57), ("fbnetv3_b", 8.60), ("fbnetv3_d", 10.31), ("fbnetv3_g", 16.62)],
)
def test_counts_agree_with_timms_model_cards(name: str, millions: float) -> None:
    with torch.device("meta"):
        network = timm.create_model(name)
    assert round(count(network, (1, 3, 224, 224)).parameters / 1e6, 2) == millions


def test_a_hand_counted_network() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),  # 8*3*9 kernel numbers, each used at 4*6 places
        nn.BatchNorm2d(8),
        nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False),  # 8*9
        nn.AdaptiveAvgPool2d(1),  # 8*4*6 elements
        nn.Flatten(),
        nn.Linear(8, 5),  # 40
    )
    expected_macs = (216 + 72) * 24 + 40
    assert count(network, (1, 3, 4, 6)) == Counts(
        parameters=216 + 8 + 16 + 72 + 40 + 5,
        macs=expected_macs,
        published_parameters=216 + 72 + 40,
        published_macs=expected_macs + 192,
    )


def test_counting_changes_nothing() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Dropout(0.5)).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    count(network, (1, 3, 8, 8))
    assert network.training
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
