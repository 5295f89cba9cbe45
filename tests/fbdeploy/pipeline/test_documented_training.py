"""docs/qat.md: its loop runs as it stands, its keys are the schema's, with the defaults shown."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import torch

from fbdeploy import RUNTIMES, load_program
from quantize import judging
from quantize.recipe import Recipe
from tasks.logits import logits_of
from zoo.initialise import noise_images

PAGE = (Path(__file__).parents[3] / "docs/qat.md").read_text(encoding="utf-8")


def _block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def test_the_loop_trains_and_exports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(_block("python"), "docs/qat.md", "exec"), names)
    program = load_program(tmp_path / "trained")
    prepared = names["module"]
    assert isinstance(prepared, torch.nn.Module)
    x = noise_images(2, program.input_spec, seed=0)
    with torch.no_grad():
        expected = prepared(x)
    assert torch.allclose(program.module()(x), expected, rtol=1e-4, atol=1e-4)
    logits = logits_of(RUNTIMES["onnx"].load(tmp_path / "trained.onnx", 1).run(x.numpy()))
    # Kernels round a few values to the neighbouring step: the pipeline's criterion of parity.
    assert judging.sqnr_db(expected, torch.from_numpy(logits)) > 15


def test_the_keys_are_all_there_with_their_defaults() -> None:
    shown = tomllib.loads(_block("toml"))
    defaults = Recipe(name="mine", method="qat").model_dump()
    assert shown["qat"] == defaults["qat"]
    assert {"name": shown["name"], "method": shown["method"]} == {"name": "mine", "method": "qat"}
