"""Windows of attention have five dimensions at most, and the values that they had."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from quantize.graph.capture import capture
from quantize.graph.passes.surgery import shape_of
from tests.export.small_exports import SmallExport
from tests.quantize.small_networks import SPEC, Of


def _windows(x: Tensor, size: int = 4) -> Tensor:
    """(batch * windows, size * size, channels), as Swin Transformer cuts them."""
    batch, channels, height, width = x.shape
    y = x.permute(0, 2, 3, 1)
    y = y.view(batch, height // size, size, width // size, size, channels)
    return y.permute(0, 1, 3, 2, 4, 5).contiguous().view(-1, size * size, channels)


def _whole(windows: Tensor, like: Tensor, size: int = 4) -> Tensor:
    _, channels, height, width = like.shape
    y = windows.view(-1, height // size, width // size, size, size, channels)
    y = y.permute(0, 1, 3, 2, 4, 5).reshape(-1, height, width, channels)
    return y.permute(0, 3, 1, 2)


def _grid(x: Tensor) -> Tensor:
    """Pixels that lie apart, as MaxViT attends to them."""
    y = x.reshape(-1, x.shape[1], 4, x.shape[2] // 4, 4, x.shape[3] // 4)
    return y.permute(0, 3, 5, 1, 2, 4).reshape(-1, x.shape[1], 16)


@pytest.mark.parametrize("function", [_windows, _grid, lambda x: _whole(_windows(x), x)])
def test_the_same_values_of_fewer_dimensions(function: Callable[[Tensor], Tensor]) -> None:
    graph = capture(Of(function), SPEC).graph
    ranks = [len(shape_of(node)) for node in graph.graph.nodes if node.op == "call_function"]
    assert max(ranks) <= 5
    images = torch.randn(2, *SPEC.shape[1:], generator=torch.Generator().manual_seed(3))
    assert torch.equal(graph(images), function(images))


class WindowAttention(nn.Module):
    """A Swin Transformer's block on a convolution's map (Liu et al. 2021), without shifts."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 8, 3, 2, 1), nn.LayerNorm(8)
        self.qkv, self.mixed, self.head = nn.Linear(8, 24), nn.Linear(8, 8), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.stem(x))
        windows = _windows(y)
        query, key, value = self.qkv(self.norm(windows)).chunk(3, -1)
        weights = (query @ key.transpose(1, 2) / 8**0.5).softmax(-1)
        y = _whole(windows + self.mixed(weights @ value), y)
        result: Tensor = self.head(y.mean((2, 3)))
        return result


@pytest.mark.parametrize("form", ["coreml", "executorch", "litert"])
def test_attention_in_windows_runs_in_int8(form: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    export = SmallExport(WindowAttention(), tmp_path, size=16)
    assert export.program_sqnr > 25
    assert export.sqnr(form) > 35
