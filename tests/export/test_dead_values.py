"""Networks with values that are always zero: their int8 artefacts load, and compute the program."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from export.formats import FORMATS
from tests.export.small_exports import SmallExport


class Dead(nn.Module):
    """Every way in which a trained network's values die: branches, gates, parts, whole layers."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.dead = nn.ModuleDict({name: nn.Conv2d(8, 8, 1) for name in self.DEAD})
        for layer in self.dead.values():
            assert isinstance(layer, nn.Conv2d) and layer.bias is not None
            nn.init.constant_(layer.bias, -50.0)
        self.behind = nn.ModuleDict({name: nn.Conv2d(8, 8, 1) for name in self.BEHIND})
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.zero = nn.Conv2d(8, 8, 1)
        nn.init.zeros_(self.zero.weight)
        nn.init.zeros_(self.zero.bias)
        self.join = nn.Conv2d(16, 8, 1)
        self.tiny = nn.Conv2d(8, 8, 1)
        with torch.no_grad():
            self.tiny.weight[1], self.tiny.weight[2] = 1e-30, 1e-41
            self.tiny.bias[1:3] = 0.0
        self.head = nn.Linear(8, 6)

    DEAD = ("branch", "sum", "part", "gate", "swish", "pool", "product", "chain")
    BEHIND = ("branch", "excite", "swish", "pool", "chain")

    def forward(self, x: Tensor) -> Tensor:
        t = F.relu(self.stem(x))
        t = t + self.behind["branch"](F.relu(self.dead["branch"](t)))
        t = t + F.relu(self.dead["sum"](t))
        t = t + self.zero(t)
        t = F.relu(self.join(torch.cat([t, F.relu(self.dead["part"](t))], 1)))
        gate = F.relu(self.behind["excite"](t.mean((2, 3), keepdim=True)))
        t = t + t * F.hardsigmoid(self.dead["gate"](gate))
        t = t + self.behind["swish"](F.hardswish(self.dead["swish"](t)))
        t = t + self.behind["chain"](F.relu6(self.depthwise(F.relu6(self.dead["chain"](t)))))
        t = t + t * F.relu(self.dead["product"](t))
        pooled = self.behind["pool"](F.avg_pool2d(F.relu(self.dead["pool"](t)), 2))
        t = F.avg_pool2d(t, 2) + pooled + self.tiny(F.avg_pool2d(t, 2))
        result: Tensor = self.head(t.mean((2, 3)))
        return result


@pytest.fixture(scope="module")
def dead(tmp_path_factory: pytest.TempPathFactory) -> SmallExport:
    return SmallExport(Dead(), tmp_path_factory.mktemp("dead"))


def test_what_is_alive_keeps_its_precision(dead: SmallExport) -> None:
    assert dead.program_sqnr > 25


@pytest.mark.parametrize("form", list(FORMATS))
def test_artefact_loads_and_computes_the_program(dead: SmallExport, form: str) -> None:
    assert dead.sqnr(form) > 24
