"""Windows written as slices and sums compute what torch's own do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quantize.graph.capture import capture
from quantize.graph.passes.surgery import aten, calls
from tests.export.small_exports import SmallExport
from tests.quantize.small_networks import SPEC, Of


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.unfold(x, 3, padding=1),
        lambda x: F.unfold(x, (2, 3), stride=(2, 1)),
        lambda x: F.unfold(x, 3, dilation=(2, 1), padding=(2, 0), stride=(3, 2)),
        lambda x: x.unfold(2, 3, 2),
        lambda x: x.unfold(-1, 4, 4).unfold(2, 2, 1),
        lambda x: F.fold(F.unfold(x, 4, stride=4), x.shape[-2:], 4, stride=4),
        lambda x: F.fold(F.unfold(x, (2, 4), stride=(2, 4)), x.shape[-2:], (2, 4), stride=(2, 4)),
        lambda x: F.fold(F.unfold(x, 5, stride=5), x.shape[-2:], 5, stride=5),
        lambda x: F.fold(F.unfold(x, 3, padding=1), x.shape[-2:], 3, padding=1),
        lambda x: F.fold(
            F.unfold(x, (2, 3), dilation=2, padding=(0, 1)),
            x.shape[-2:], (2, 3), dilation=2, padding=(0, 1),
        ),
        lambda x: F.fold(
            F.unfold(x, 3, padding=1, stride=2), x.shape[-2:], 3, padding=1, stride=2
        ),
        lambda x: F.fold(
            F.unfold(x, 3, dilation=2, padding=(2, 0), stride=(3, 2)),
            x.shape[-2:], 3, dilation=2, padding=(2, 0), stride=(3, 2),
        ),
    ],
)  # fmt: skip
def test_the_same_values(function: Callable[[Tensor], Tensor]) -> None:
    graph = capture(Of(function), SPEC).graph
    windows = (aten.im2col.default, aten.col2im.default, aten.unfold.default)
    assert not list(calls(graph, *windows))
    images = torch.randn(2, *SPEC.shape[1:], generator=torch.Generator().manual_seed(3))
    assert torch.allclose(graph(images), function(images), atol=1e-5)


class Involution(nn.Module):
    """Windows weighed by their pixel (Li et al. 2021), and summed at their places again."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.weights = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 9, 1)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.stem(x))
        size = y.shape[-2:]
        windows = F.unfold(y, 3, padding=1).view(-1, 8, 9, *size)
        weights = self.weights(y).softmax(1).unsqueeze(1)
        spread = F.fold((windows * weights).flatten(3).flatten(1, 2), size, 3, padding=1)
        result: Tensor = self.head(spread.mean((2, 3)))
        return result


@pytest.mark.parametrize("form", ["executorch", "litert", "onnx"])
def test_they_run_in_int8(form: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    export = SmallExport(Involution(), tmp_path, size=16)
    assert export.program_sqnr > 25
    assert export.sqnr(form) > 35
