"""What a converter refuses is told by its cause, in one line that prints."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from export.base import ExportSource
from export.onnx import OnnxExporter
from quantize.graph.capture import capture
from zoo.errors import InputError
from zoo.input_spec import InputSpec


class Bessel(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.special.i0(x).mean((2, 3))


def test_onnx_names_the_operator_that_it_lacks(tmp_path: Path) -> None:
    spec = InputSpec(8, 8)
    source = ExportSource("fp32", spec, capture(Bessel().eval(), spec).graph, None)
    with pytest.raises(InputError, match=r"refuses this network \(.*i0.*\); leave") as caught:
        OnnxExporter().export(source, tmp_path / "model.onnx")
    line = str(caught.value)
    assert line.isprintable() and "step 3" not in line
    assert list(tmp_path.iterdir()) == []
