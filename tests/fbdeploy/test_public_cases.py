"""The small networks of ../shared/cases/networks, each after a public report, all in one walk."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from export.base import ExportSource
from export.format_info import FORMAT_INFO
from export.formats import FORMATS
from export.inspection import inspect
from quantize.graph.capture import capture, load_captured
from quantize.judging import sqnr_db
from quantize.program import load_program
from quantize.ptq import quantize_captured
from quantize.recipe import load_recipe
from runtime_bench.runtimes import RUNTIMES
from tasks.logits import logits_of
from zoo.errors import InputError
from zoo.initialise import noise_images
from zoo.input_spec import InputSpec
from zoo.networks import Network, Weights
from zoo.probe import float32_output

CASES = Path(__file__).parents[2].parent / "shared" / "cases" / "networks"
SPEC = InputSpec(48, 48, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), 1.0)


@dataclass(frozen=True)
class Right:
    """What is right of a case: at least so many dB of the int8 program to the float network, of the
    artefacts to the program, and int8 multiply-adds in each of ``formats``; or, for what is not to
    work, the line that says why."""

    program_db: float = 30.0
    artefact_db: float = 35.0
    int8_share: float = 0.99
    formats: tuple[str, ...] = ("onnx",)
    refused: str = ""


ALL = ("onnx", "executorch", "litert", "torchscript")
RIGHT: dict[str, Right] = {
    "bn_without_running_stats": Right(int8_share=0.95),
    "cat_mixed_ranges": Right(program_db=34.0),
    "cat_same_part_twice": Right(program_db=34.0),
    "cat_sigmoid_first": Right(program_db=34.0),
    "dead_branch": Right(formats=ALL),
    "depthwise_reducing_groups": Right(),
    # Its one-dimensional convolution, 48 multiply-adds, stays in float.
    "eca_channel_attention": Right(formats=("onnx", "executorch")),
    "frozen_batch_norm": Right(formats=("onnx", "executorch")),
    "half_module": Right(),
    "inplace_leaky_relu_float": Right(),
    "mish": Right(formats=("onnx", "executorch")),
    "nhwc_linear": Right(program_db=25.0),
    "prelu_float": Right(),
    "same_padding_float": Right(formats=("onnx", "executorch")),
    "scripted_module": Right(refused="is a ScriptModule"),
    "shuffle_contiguous_view": Right(program_db=28.0),
    "split": Right(),
    "to_dtype": Right(),
    "view_flatten": Right(),
    "weight_norm": Right(),
}
#: What other tests walk: pictures and files of weights.
ELSEWHERE = {"images_16_bit", "checkpoint_class_count"}


def _build(name: str) -> nn.Module:
    spec = importlib.util.spec_from_file_location(f"case_{name}", CASES / name / "build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    build: Callable[[], nn.Module] = module.build
    return build()


def _median_db(reference: torch.Tensor, other: torch.Tensor) -> float:
    """The median over the images, which one outside of what was calibrated does not decide."""
    each = [sqnr_db(a[None], b[None]) for a, b in zip(reference, other, strict=True)]
    return float(np.median(each))


def test_every_case_is_walked() -> None:
    if not CASES.is_dir():
        pytest.skip("needs ../shared")
    assert {path.name for path in CASES.iterdir()} <= set(RIGHT) | ELSEWHERE


@pytest.mark.parametrize("name", RIGHT)
def test_case_is_right(name: str, tmp_path: Path) -> None:
    if not CASES.is_dir():
        pytest.skip("needs ../shared")
    right, module = RIGHT[name], _build(name)
    if right.refused:
        with pytest.raises(InputError, match=right.refused) as error:
            float32_output(name, module, SPEC)
        assert "\n" not in str(error.value)
        return
    float32_output(name, module, SPEC)
    capture(module, SPEC).save(tmp_path / "graph")
    captured = load_captured(tmp_path / "graph")
    network = Network(name, module, SPEC, tuple("0123456789"), 10, "user", Weights("user"))
    made = quantize_captured(
        captured, network, noise_images(64, SPEC, seed=1).numpy(), load_recipe("ptq-fast")
    )
    made.save(tmp_path / "program")
    program = load_program(tmp_path / "program")
    images = noise_images(12, SPEC, seed=2)
    with torch.no_grad():
        exact = torch.cat([module(image[None]) for image in images])
    int8 = torch.cat([program.module()(image[None]) for image in images])
    assert _median_db(exact, int8) >= right.program_db
    source = ExportSource("int8", SPEC, captured.graph, program)
    for form in right.formats:
        path = tmp_path / f"artefact{FORMAT_INFO[form].suffix}"
        FORMATS[form].export(source, path)
        logits = torch.from_numpy(logits_of(RUNTIMES[form].load(path, 1).run(images.numpy())))
        assert _median_db(int8, logits) >= right.artefact_db, form
        share = inspect(path).int8_share
        assert share is not None and share >= right.int8_share, form


@pytest.mark.parametrize("name", ["depthwise_reducing_groups", "nhwc_linear", "split"])
def test_the_default_recipe_takes_it(name: str) -> None:
    if not CASES.is_dir():
        pytest.skip("needs ../shared")
    module = _build(name)
    network = Network(name, module, SPEC, tuple("0123456789"), 10, "user", Weights("user"))
    images = noise_images(16, SPEC, seed=1)
    program = quantize_captured(capture(module, SPEC), network, images.numpy(), load_recipe("ptq"))
    assert {"equalization", "bias_correction", "reconstruction"} & set(program.summary.kept)
    with torch.no_grad():
        assert _median_db(module(images), program.module()(images)) >= 28
