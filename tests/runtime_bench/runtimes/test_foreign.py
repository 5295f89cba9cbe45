"""Artefacts that other exporters made: they answer as torch does, whatever they take and give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from runtime_bench.runtimes import runtime_of
from runtime_bench.runtimes.guest import guest_session
from runtime_bench.runtimes.ports import Grid, ImagePort, decode, image_port
from runtime_bench.timing.in_process import SessionContestant
from tests.runtime_bench.artefacts import CLASSES, SHAPE, SIZE, Artefacts, answers, images
from tests.runtime_bench.foreign import FOREIGN
from zoo.errors import InputError

PIXELS = ("onnx pixels", "executorch pixels")
SIZED = ("onnx any size", "torchscript plain")


@pytest.fixture(scope="module")
def foreign(artefacts: Artefacts, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("foreign")
    made = {}
    for name, (suffix, make) in FOREIGN.items():
        made[name] = folder / f"{name.replace(' ', '-')}{suffix}"
        make(artefacts.network, made[name])
    return made


def _pixels(count: int) -> NDArray[np.float32]:
    """Whole values 0..255 (count, 3, H, W)."""
    drawn = np.random.default_rng(5).integers(0, 256, (count, *SHAPE[1:]))
    return drawn.astype(np.float32)


@pytest.mark.parametrize("name", FOREIGN)
def test_it_answers_as_torch_does(
    foreign: dict[str, Path], artefacts: Artefacts, name: str
) -> None:
    path, size = foreign[name], (SIZE, SIZE) if name in SIZED else None
    session = runtime_of(path).load(path, 1, size)
    assert session.input_shape == SHAPE
    batch, given = images(6), images(6)
    if name in PIXELS:
        assert session.pixels is not None
        assert np.allclose(session.pixels, (0.0, 1 / 255))
        given = _pixels(6)
        batch = given / np.float32(127.5) - 1
    found = session.run(given)
    logits = found["scores"] if "two" in name else next(iter(found.values()))
    expected = answers(artefacts.network, batch)
    assert logits.shape == (6, CLASSES) and logits.dtype == np.float32
    error = np.abs(logits - expected).max() / np.abs(expected).max()
    assert error < (0.06 if "int8" in name else 1e-5)
    contestant = SessionContestant(session)
    assert len(contestant.run_at_once(3)) == 3


def test_any_size_is_asked_for(foreign: dict[str, Path]) -> None:
    for name in SIZED:
        path = foreign[name]
        with guest_session(path, 1) as session, pytest.raises(InputError, match="--input-size"):
            _ = session.input_shape
        with guest_session(path, 1, (64, 48)) as session:
            assert session.input_shape == (1, 3, 64, 48)
            found = session.run(np.zeros((2, 3, 64, 48), np.float32))
            assert next(iter(found.values())).shape == (2, CLASSES)


def test_another_size_than_the_file_s_is_refused(foreign: dict[str, Path]) -> None:
    path = foreign["litert nhwc"]
    with pytest.raises(InputError, match="takes 32x32 images; leave --input-size out"):
        runtime_of(path).load(path, 1, (64, 64))


def test_pixels_of_integers() -> None:
    """TensorFlow's uint8 networks take a pixel as it is: for the grid 1/128 about 128 that is a
    normalization by mean 128/255 and deviation 128/255; int8 takes the pixel less 128."""
    for dtype, zero_point in (("uint8", 128), ("int8", 0)):
        port = ImagePort(2, 2, "nhwc", dtype, Grid(1 / 128, zero_point))
        assert port.pixels is not None and np.allclose(port.pixels, (128 / 255, 128 / 255))
        pixels = np.array([0, 1, 127, 128, 254, 255] * 2, np.float32).reshape(1, 3, 2, 2)
        seen = ((pixels / 255 - port.pixels.mean) / port.pixels.std).astype(np.float32)
        first = 0 if dtype == "uint8" else -128
        stored = port.encode(seen)
        assert stored.shape == (1, 2, 2, 3) and stored.dtype == np.dtype(dtype)
        assert np.array_equal(stored.transpose(0, 3, 1, 2), pixels + first)
    assert ImagePort(2, 2).pixels is None


def test_integers_that_do_not_fit_are_clipped_and_decoded_by_their_grid() -> None:
    port = ImagePort(1, 1, dtype="int8", grid=Grid(0.5, 3))
    stored = port.encode(np.array([-100.0, 0.5, 100.0], np.float32).reshape(1, 3, 1, 1))
    assert stored.ravel().tolist() == [-128, 4, 127]
    assert decode(np.array([3, 5], np.int8), Grid(0.5, 3)).tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("inputs", "outputs", "shape", "said"),
    [
        (["float32"], ["float32"], (8, 3, 32, 32), r"wants an input of \(8, 3, 32, 32\)"),
        (["float32"], ["float32"], (1, 1, 28, 28), "not one image in colour"),
        (["float32"], ["float32"], (1, 128), "not one image in colour"),
        (["int64"], ["float32"], (1, 3, 32, 32), "finds inputs of int64"),
        (["float32", "float32"], ["float32"], (1, 3, 32, 32), "inputs of float32, float32"),
        ([], ["float32"], (), "inputs of nothing"),
        (["float32"], ["str"], (1, 3, 32, 32), "outputs of str"),
    ],
)
def test_what_takes_no_image_is_refused(
    inputs: list[str], outputs: list[str], shape: tuple[int, ...], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        image_port(Path("x.onnx"), "ONNX Runtime", inputs, outputs, shape)
