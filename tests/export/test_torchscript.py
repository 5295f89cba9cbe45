"""TorchScript files of the same network are the same bytes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
from pathlib import Path
from torch import nn
from export.base import ExportSource
from export.formats import FORMATS
from tests.export.small_exports import SmallExport

layers = (nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))
small = SmallExport(nn.Sequential(*layers), Path())
for parameter in small.module.parameters():
    nn.init.constant_(parameter, 0.125)
for argument in sys.argv[1:]:
    precision, _, path = argument.partition("=")
    program = small.program if precision == "int8" else None
    source = ExportSource(precision, small.program.input_spec, small.captured.graph, program)
    FORMATS["torchscript"].export(source, Path(path))
"""


def _export(*arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], check=True, cwd=Path(__file__).parents[2]
    )


def test_no_file_holds_its_temporary_name(tmp_path: Path) -> None:
    first, second = tmp_path / "model.pt", tmp_path / "another.part"
    _export(f"int8={first}")
    _export(f"int8={second}")
    assert first.read_bytes() == second.read_bytes()


def test_a_file_does_not_tell_what_was_exported_before(tmp_path: Path) -> None:
    alone, after, again = (tmp_path / f"{name}.pt" for name in ("alone", "after", "again"))
    _export(f"int8={alone}")
    _export(f"fp32={tmp_path / 'fp32.pt'}", f"int8={after}", f"int8={again}")
    assert after.read_bytes() == alone.read_bytes()
    assert again.read_bytes() == alone.read_bytes()
