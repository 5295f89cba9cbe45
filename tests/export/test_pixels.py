"""Artefacts that take pixels, against the float-input artefact of the same program."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from export.base import ExportSource
from export.description import Description
from export.format_info import FORMAT_INFO, PIXELS
from export.formats import FORMATS
from quantize.program import Program
from quantize.ptq import quantize
from quantize.recipe import load_recipe
from runtime_bench.runtimes import RUNTIMES
from runtime_bench.runtimes.pixels import for_normalized
from tasks.logits import logits_of
from tests.export.test_description import READERS
from tests.quantize.small_networks import normalized, photo_pixels, pixel_network
from zoo.input_spec import InputSpec

FORMS = [
    name
    for name, info in FORMAT_INFO.items()
    if "int8" in info.pixels and info.pixel_variant == PIXELS
]
IMAGENET = InputSpec(32, 32)
HALVES = InputSpec(32, 32, (0.5,) * 3, (0.5,) * 3)


@cache
def _program(spec: InputSpec) -> Program:
    images = normalized(photo_pixels(24, spec), spec)
    return quantize(pixel_network(spec), images, load_recipe("ptq-fast"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pixels")


@cache
def _made(form: str, spec: InputSpec, folder: Path, variant: str = "") -> Path:
    kind = f"{variant or 'float'}-{spec.mean[0]}"
    path = folder / f"{kind}{FORMAT_INFO[form].suffix}"
    program = _program(spec)
    told = Description("tiny", "classification", tuple("abcdefghij"), spec, "ab" * 32, "1.2.3")
    FORMATS[form].export(
        ExportSource("int8", spec, program.graph, program, description=told), path, variant
    )
    return path


@pytest.mark.parametrize(
    ("form", "spec"),
    [(form, IMAGENET) for form in FORMS] + [("onnx", HALVES), ("litert", HALVES)],
    ids=[*FORMS, "onnx-alike", "litert-alike"],
)
def test_pixels_get_the_float_input_s_answers(form: str, spec: InputSpec, folder: Path) -> None:
    pixels = photo_pixels(24, spec)[16:]
    images, program = normalized(pixels, spec), _program(spec)
    expected = logits_of(RUNTIMES[form].load(_made(form, spec, folder), 1).run(images))
    path = _made(form, spec, folder, PIXELS)
    raw = NATIVE[form](path, pixels)
    step = program.activations["linear"].scale
    assert float(np.abs(raw - expected).max()) <= 1.01 * step
    # One step of some logits: the runtimes round a few values of the image's to the other side.
    assert float(np.mean(np.abs(raw - expected) > 0.01 * step)) <= 0.2
    session = RUNTIMES[form].load(path, 1)
    assert np.array_equal(logits_of(for_normalized(session, spec).run(images)), raw)


def _onnx(path: Path, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Exact sums of int8 products on processors without VNNI, as our own sessions have them.
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(str(path), options)
    (given,) = session.get_inputs()
    assert (given.type, given.shape[1:]) == ("tensor(uint8)", [3, 32, 32])
    return np.concatenate([session.run(None, {given.name: one[None]})[0] for one in pixels])


def _litert(path: Path, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert given["dtype"] == np.uint8 and list(given["shape"]) == [1, 32, 32, 3]
    found = []
    for one in pixels:
        interpreter.set_tensor(given["index"], one.transpose(1, 2, 0)[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(made["index"]))
    return np.concatenate(found)


def _executorch(path: Path, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    import torch
    from executorch.runtime import Runtime

    method = Runtime.get().load_program(path).load_method("forward")
    assert method is not None
    given = [torch.from_numpy(one[None].copy()) for one in pixels]
    return np.concatenate([method.execute([one])[0].numpy().copy() for one in given])


NATIVE: dict[str, Callable[[Path, NDArray[np.uint8]], NDArray[np.float32]]] = {
    "onnx": _onnx,
    "litert": _litert,
    "executorch": _executorch,
}


@pytest.mark.parametrize("form", FORMS)
def test_the_file_says_that_it_takes_pixels(form: str, folder: Path) -> None:
    found, _ = READERS[form](_made(form, IMAGENET, folder, PIXELS))
    given = json.loads(found["input"])
    assert given["dtype"] == "uint8" and given["layout"] == FORMAT_INFO[form].layouts[0]
    assert given["mean"] == [0, 0, 0] and given["std"] == [1 / 255] * 3


def test_litert_takes_pixels_in_planes_where_that_is_asked_for(folder: Path) -> None:
    program = _program(IMAGENET)
    path = folder / "planes.tflite"
    source = ExportSource("int8", IMAGENET, program.graph, program, layout="nchw")
    FORMATS["litert"].export(source, path, PIXELS)
    session = RUNTIMES["litert"].load(path, 1)
    assert session.stored_shape == (1, 3, 32, 32)
    pixels = photo_pixels(24, IMAGENET)[16:]
    found = logits_of(session.run(pixels.astype(np.float32)))
    expected = NATIVE["litert"](_made("litert", IMAGENET, folder, PIXELS), pixels)
    assert np.array_equal(found, expected)
