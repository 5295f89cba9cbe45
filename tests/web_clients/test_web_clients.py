"""onnxruntime-web and LiteRT.js, which nobody here wrote, on our files alone, in Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from export.base import ExportSource
from export.format_info import PIXELS, NumberType
from export.formats import FORMATS
from fbdeploy.records.manifest import read_manifest
from quantize.program import Program
from quantize.ptq import quantize
from quantize.recipe import load_recipe
from runtime_bench.runtimes import RUNTIMES
from runtime_bench.runtimes.pixels import for_normalized
from tasks.logits import logits_of
from tests.quantize.small_networks import SPEC, TINY, normalized, photo_pixels, randomize
from tests.trial_output import trial_output
from tests.web_clients.page import TOOLS, Web, web
from zoo.architecture import Block
from zoo.dataset_names import TEST
from zoo.datasets import batches, open_dataset
from zoo.fbnet import FBNet
from zoo.input_spec import InputSpec
from zoo.networks import Network, Weights

EXECUTABLE = shutil.which("chromium")
pytestmark = [
    pytest.mark.skipif(EXECUTABLE is None, reason="needs Debian's package chromium"),
    pytest.mark.skipif(
        not (TOOLS / "stamp").exists(), reason="tests/web_clients/tools.sh has not run"
    ),
]

PICTURES = 20
CLIENTS = ("onnx", "litert")
ROUNDING = 1e-4
"""Of logits below 10, for kernels that sum in another order."""
STEPS = 2
"""Of the grid of int8 logits, where values fall between two. The embedded default on 64 images:
none in LiteRT.js, one in onnxruntime-web, of the s8s8 file two."""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    assert EXECUTABLE is not None
    with web(EXECUTABLE, tmp_path_factory.mktemp("site")) as opened:
        yield opened


@pytest.fixture(scope="module")
def blocks() -> Program:
    """What FBNets consist of, once: LiteRT's converter takes a second for every five layers."""
    torch.set_num_threads(1)
    architecture = replace(
        TINY,
        stages=(
            (Block("conv", 8, k=3, s=2, act="hswish", bias=True),),
            (Block("ir", 8, k=3, e=2, act="hswish", se="expanded"),),
            (Block("ir_pool", 64, e=4, act="hswish"),),
        ),
    )
    torch.manual_seed(0)
    module = randomize(FBNet(architecture, num_classes=7))
    network = Network("blocks", module, SPEC, (), 7, "user", Weights("random", seed=0))
    return quantize(network, _pictures(), load_recipe("ptq-fast"))


def _pictures() -> NDArray[np.float32]:
    return normalized(photo_pixels(PICTURES, SPEC), SPEC)


@pytest.mark.parametrize(("precision", "variant"), [("fp32", ""), ("int8", PIXELS)])
def test_litert_js(
    precision: NumberType, variant: str, blocks: Program, chromium: Web, tmp_path: Path
) -> None:
    path = tmp_path / "model.tflite"
    program = blocks if precision == "int8" else None
    FORMATS["litert"].export(ExportSource(precision, SPEC, blocks.graph, program), path, variant)
    _agree(chromium, "litert", path, precision, SPEC, _pictures())


def test_the_embedded_default(chromium: Web) -> None:
    """Also of other formats and inputs, where FBDEPLOY_TEST_OUT names a folder that has them."""
    folder = trial_output()
    manifest = read_manifest(folder)
    artefacts = [one for one in manifest.artefacts if one.format in CLIENTS]
    assert {one.precision for one in artefacts} >= {"fp32", "int8"}
    spec = manifest.input_spec
    images = next(batches(open_dataset(TEST), spec, batch_size=PICTURES, limit=PICTURES))[0]
    for one in artefacts:
        _agree(chromium, one.format, folder / one.path, one.precision, spec, images)


def _agree(
    chromium: Web,
    fmt: str,
    path: Path,
    precision: NumberType,
    spec: InputSpec,
    images: NDArray[np.float32],
) -> None:
    """Hold a client's logits and best five for normalized ``images`` (N, 3, H, W) against our own
    runtime's."""
    session = RUNTIMES[fmt].load(path, 1)
    ours = logits_of(for_normalized(session, spec).run(images))
    given: NDArray[np.generic] = images
    if session.pixels is not None:
        mean, std = (np.reshape(values, (3, 1, 1)) for values in (spec.mean, spec.std))
        given = np.rint(255 * (images * std + mean)).astype(np.uint8)
    if session.stored_shape[-1] == 3:
        given = given.transpose(0, 2, 3, 1)
    found = chromium.answers(fmt, path, given)
    assert (found.type, found.shape) == (given.dtype, (1, *given.shape[1:])), path
    step = np.diff(np.unique(ours)).min() if precision == "int8" else 0.0
    allowed = STEPS * step + ROUNDING
    np.testing.assert_allclose(found.values, ours, rtol=0, atol=allowed, err_msg=str(path))
    best = np.argsort(-found.values, axis=1, kind="stable")[:, :5]
    ranked = np.take_along_axis(ours, best, axis=1)
    np.testing.assert_allclose(ranked, -np.sort(-ours, axis=1)[:, :5], rtol=0, atol=allowed)
