"""docs/python.md: its snippets run in order, as they stand, and print what is to be seen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

PAGE = Path(__file__).parents[2] / "docs/python.md"


def test_the_snippets_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    model, *blocks = blocks
    assert model.startswith("# model.py") and len(blocks) == 5
    Path("model.py").write_text(model)
    torch.manual_seed(0)
    names: dict[str, object] = {}
    exec(compile(model, "model.py", "exec"), names)
    torch.save(names["build"]().state_dict(), "trained.pth")  # type: ignore[operator]
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    out, err = capfd.readouterr()
    assert err == "", "a notebook shows what is written to stderr in red"
    assert "ONNX int8" in out and "PASS" in out
    assert "mobilenetv9: no such network; nearest: mobilenet_v2, " in out
    assert (tmp_path / "out/report.html").exists() and (tmp_path / "mine/float.pt").exists()
