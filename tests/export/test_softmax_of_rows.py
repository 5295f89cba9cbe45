"""A softmax over a map's last axis, between convolutions, where runtimes keep maps in NHWC."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tests.export.small_exports import SmallExport


class LinearAttention(nn.Module):
    """Keys weighed over a row's places by the softmax of a query (arXiv 2206.02680)."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.key, self.query = nn.Conv2d(8, 8, 1), nn.Conv2d(8, 1, 1)
        self.out, self.head = nn.Conv2d(8, 8, 1), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        weights = torch.softmax(8 * self.query(x), dim=-1)
        context = (self.key(x) * weights).sum(-1, keepdim=True)
        result: Tensor = self.head(self.out(context).mean((2, 3)))
        return result


@pytest.fixture(scope="module")
def attention(tmp_path_factory: pytest.TempPathFactory) -> SmallExport:
    return SmallExport(LinearAttention(), tmp_path_factory.mktemp("attention"))


def test_float(attention: SmallExport) -> None:
    assert attention.sqnr("executorch", "fp32") > 80


@pytest.mark.parametrize("form", ["executorch", "litert"])
def test_int8(attention: SmallExport, form: str) -> None:
    assert attention.program_sqnr > 20
    assert attention.sqnr(form) > 24
