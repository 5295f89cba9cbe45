"""torchvision's classifiers in every format: each artefact computes what it was made from."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn
from torchvision.models.mobilenetv2 import MobileNetV2
from torchvision.models.mobilenetv3 import InvertedResidualConfig, MobileNetV3
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

from export.formats import FORMATS
from tests.export.small_exports import SmallExport
from zoo.initialise import settle_batch_norms
from zoo.input_spec import InputSpec
from zoo.names import TORCHVISION
from zoo.networks import load_network


def _mobilenet_v3() -> nn.Module:
    block = partial(InvertedResidualConfig, dilation=1, width_mult=1.0)
    blocks = [
        block(16, 3, 16, 16, True, "RE", 2),
        block(16, 3, 24, 16, False, "RE", 1),
        block(16, 5, 32, 24, True, "HS", 2),
    ]
    return MobileNetV3(blocks, 64, num_classes=7)


def _settled(network: nn.Module) -> nn.Module:
    """Sums of many blocks are chaotic with fresh batch norms."""
    settle_batch_norms(network.eval(), InputSpec(32, 32), seed=0)
    return network


#: Their blocks, stems and heads, as few as there are kinds.
SHORT = {
    "mobilenet_v2": lambda: MobileNetV2(7, 0.5, [[1, 16, 1, 1], [4, 24, 2, 2]], dropout=0.0),
    "mobilenet_v3": _mobilenet_v3,
    "resnet18": lambda: _settled(ResNet(BasicBlock, [1, 1, 1, 1], 7)),
    "resnet50": lambda: _settled(ResNet(Bottleneck, [1, 1, 1, 1], 7)),
}
#: dB of a program to its network, which has random weights, and of artefacts to their program.
LEAST_PROGRAM, LEAST = 15.0, 24.0
#: Whole networks where that takes a second, and the one with all kinds of blocks once more.
WHOLE = [*((name, "torchscript") for name in TORCHVISION), ("mobilenet_v3_small", "onnx")]


@pytest.fixture(scope="module", params=list(SHORT))
def short(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SmallExport:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp(request.param)
    return SmallExport(SHORT[request.param](), folder, size=32)


@pytest.mark.parametrize("form", list(FORMATS))
def test_every_kind_of_block_in_every_format(short: SmallExport, form: str) -> None:
    assert short.program_sqnr > LEAST_PROGRAM
    assert short.sqnr(form) > LEAST


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SmallExport]:
    return {
        name: SmallExport(
            load_network(name, num_classes=7).module, tmp_path_factory.mktemp(name), size=32
        )
        for name in TORCHVISION
    }


@pytest.mark.parametrize(("name", "form"), WHOLE)
def test_whole_networks(whole: dict[str, SmallExport], name: str, form: str) -> None:
    assert whole[name].sqnr(form) > LEAST
