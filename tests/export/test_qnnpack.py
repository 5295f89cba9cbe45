"""The TorchScript program runs in QNNPACK's integer kernels from end to end."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from export.qnnpack import to_quantized_module
from quantize.judging import sqnr_db
from quantize.ptq import quantize
from quantize.recipe import load_recipe
from tests.export.conftest import Workshop
from tests.quantize.small_networks import SPEC, noise_images
from zoo.networks import Network, Weights


def test_only_the_pools_run_in_float(workshop: Workshop) -> None:
    made = workshop.make("torchscript", "int8")
    assert made.result.passes["float_islands"] == 2
    kinds = {n.kind() for n in torch.jit.load(str(made.path)).inlined_graph.nodes()}
    assert "quantized::conv2d" in kinds
    assert not kinds & {"aten::conv2d", "aten::_convolution", "aten::hardswish", "aten::mul"}


def test_weights_are_the_program_s(workshop: Workshop) -> None:
    made = workshop.make("torchscript", "int8")
    graph = torch.jit.load(str(made.path)).inlined_graph
    packed = [n for n in graph.nodes() if n.kind().startswith("quantized::conv2d")]
    assert len(packed) == len(workshop.program.weights)


def test_engine_is_restored(workshop: Workshop) -> None:
    before = torch.backends.quantized.engine
    workshop.make("torchscript", "int8")
    assert torch.backends.quantized.engine == before


def test_tokens_become_a_map_again_before_it_is_resized() -> None:
    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.mix = nn.Conv2d(3, 8, 4, 4), nn.Linear(8, 8)
            self.last = nn.Conv2d(8, 5, 3)

        def forward(self, x: Tensor) -> Tensor:
            tokens = self.mix(self.stem(x).flatten(2).transpose(1, 2))
            back = tokens.transpose(1, 2).reshape(x.shape[0], 8, 8, 8)
            return self.last(F.interpolate(back, scale_factor=2)).mean((2, 3))

    torch.manual_seed(0)
    network = Network("tokens", Tokens().eval(), SPEC, tuple("abcde"), 5, "user", Weights("user"))
    program = quantize(network, noise_images(16), load_recipe("ptq-fast"))
    before = torch.backends.quantized.engine
    torch.backends.quantized.engine = "qnnpack"
    try:
        module, counts = to_quantized_module(program)
        image = torch.from_numpy(noise_images(1))
        assert sqnr_db(program.module()(image), module(image)) > 40
    finally:
        torch.backends.quantized.engine = before
    assert counts["float_islands"] == 1  # the pool
