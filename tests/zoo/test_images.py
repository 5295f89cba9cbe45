"""Pictures of every mode against their plain 8-bit RGB ones."""

from __future__ import annotations

import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.zoo.pictures import (
    COLOUR,
    GREY,
    GREY16,
    RAMP,
    SPEC,
    grey_of,
    pixels_of,
    refusal_of,
    write_png,
)
from zoo.datasets import batches, open_dataset
from zoo.images import BadImageError, UnusableImageError, to_rgb
from zoo.input_spec import InputSpec
from zoo.preprocess import preprocess


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.pgm"])
def test_16_bit_grey_is_scaled_to_8(name: str, tmp_path: Path) -> None:
    Image.fromarray(GREY16).save(tmp_path / name)
    assert np.array_equal(grey_of(tmp_path / name), GREY)


def test_16_bit_grey_of_other_byte_orders_and_32_bit_containers(tmp_path: Path) -> None:
    Image.frombytes("I;16B", (48, 48), GREY16.astype(">u2").tobytes()).save(tmp_path / "b.tif")
    Image.fromarray(GREY16.astype(np.int32)).save(tmp_path / "i.tif")
    for name in ("b.tif", "i.tif"):
        assert np.array_equal(grey_of(tmp_path / name), GREY), name


def test_16_bit_colour_is_scaled_to_8(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 48, 48, 16, 2, 0, 0, 0)
    rows = b"".join(b"\0" + (row.astype(np.uint16) * 257).astype(">u2").tobytes() for row in COLOUR)
    write_png(tmp_path / "a.png", [(b"IHDR", header), (b"IDAT", zlib.compress(rows))])
    assert np.array_equal(pixels_of(tmp_path / "a.png"), COLOUR)


def _write_grey_tiff(path: Path, bits: int, photometric: int, data: bytes, size: int = 48) -> None:
    entries = [
        (256, 3, size),
        (257, 3, size),
        (258, 3, bits),
        (259, 3, 1),
        (262, 3, photometric),
        (273, 4, 8 + 2 + 12 * 9 + 4),
        (277, 3, 1),
        (278, 3, size),
        (279, 4, len(data)),
    ]
    header = b"II*\0" + struct.pack("<IH", 8, len(entries))
    for tag, kind, value in entries:
        header += struct.pack("<HHII", tag, kind, 1, value)
    path.write_bytes(header + b"\0" * 4 + data)


def test_tiff_of_12_bits_and_of_white_as_zero(tmp_path: Path) -> None:
    twelve = (GREY.astype(np.uint32) << 4 | GREY >> 4).reshape(-1, 2)
    packed = np.stack(
        [twelve[:, 0] >> 4, (twelve[:, 0] & 15) << 4 | twelve[:, 1] >> 8, twelve[:, 1] & 255], 1
    )
    _write_grey_tiff(tmp_path / "12.tif", 12, 1, packed.astype(np.uint8).tobytes())
    assert np.array_equal(grey_of(tmp_path / "12.tif"), GREY)
    inverted = (65535 - GREY16).astype("<u2").tobytes()
    _write_grey_tiff(tmp_path / "white.tif", 16, 0, inverted)
    assert np.array_equal(grey_of(tmp_path / "white.tif"), GREY)


@pytest.mark.parametrize("scale", [1.0, 255.0])
def test_float_pixels_of_both_usual_ranges(scale: float, tmp_path: Path) -> None:
    Image.fromarray((GREY / 255 * scale).astype(np.float32)).save(tmp_path / "a.tif")
    assert np.array_equal(grey_of(tmp_path / "a.tif"), GREY)


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (GREY16 >> 4, "all of it black"),  # 12 bits in 16
        (GREY.astype(np.uint16), "all of it black"),
        (GREY.astype(np.int32) - 5, "mode is I"),
        (GREY16.astype(np.int32) * 4, "0 to 65535 is black to white"),
        ((RAMP * 3).astype(np.float32), "mode is F"),
        ((RAMP * 1e4).astype(np.float32), "0 to 255 is black to white"),
        ((RAMP - 0.5).astype(np.float32), "mode is F"),
        ((RAMP / 100).astype(np.float32), "all of it black"),
        (np.where(RAMP > 0.5, np.nan, 0.2).astype(np.float32), "no numbers"),
        (np.where(RAMP > 0.5, np.inf, 0.2).astype(np.float32), "no numbers"),
    ],
)
def test_ranges_without_a_known_meaning(
    pixels: NDArray[np.int32], said: str, tmp_path: Path
) -> None:
    Image.fromarray(pixels).save(tmp_path / "a.tif")
    assert said in refusal_of(tmp_path / "a.tif")
    with pytest.raises(UnusableImageError):
        preprocess(Image.fromarray(pixels), SPEC)


def test_a_picture_of_one_value_is_what_it_is(tmp_path: Path) -> None:
    for value in (0, 257 * 3, 65535):
        Image.fromarray(np.full((8, 8), value, np.uint16)).save(tmp_path / "a.png")
        assert (pixels_of(tmp_path / "a.png") == value >> 8).all()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "LA", "CMYK", "YCbCr"])
def test_8_bit_modes_are_as_pillow_converts_them(mode: str, tmp_path: Path) -> None:
    image = Image.fromarray(COLOUR).convert(mode)
    path = tmp_path / ("a.tif" if mode in ("CMYK", "YCbCr") else "a.png")
    image.save(path)
    assert np.array_equal(pixels_of(path), np.asarray(image.convert("RGB")))


def test_a_cmyk_jpeg_has_the_colours_of_its_picture(tmp_path: Path) -> None:
    smooth = Image.fromarray(COLOUR).convert("CMYK")
    smooth.save(tmp_path / "a.jpg", quality=100, subsampling=0)
    expected = np.asarray(smooth.convert("RGB")).astype(int)
    assert np.abs(pixels_of(tmp_path / "a.jpg") - expected).mean() < 2


def test_partly_transparent_pictures_keep_their_colours(tmp_path: Path) -> None:
    alpha = np.where(RAMP > 0.5, 255, 0).astype(np.uint8)
    Image.fromarray(np.dstack([COLOUR, alpha])).save(tmp_path / "rgba.png")
    Image.fromarray(np.dstack([GREY, alpha])).save(tmp_path / "la.png")
    palette = Image.fromarray(COLOUR).quantize(64)
    palette.save(tmp_path / "p.png", transparency=bytes(range(0, 256, 4)))
    assert np.array_equal(pixels_of(tmp_path / "rgba.png"), COLOUR)
    assert np.array_equal(grey_of(tmp_path / "la.png"), GREY)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Pillow warns of palettes with transparency
        assert np.array_equal(pixels_of(tmp_path / "p.png"), np.asarray(palette.convert("RGB")))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_a_drawing_that_is_all_in_its_transparency_is_not_black(mode: str, tmp_path: Path) -> None:
    if mode == "P":
        image = Image.fromarray(GREY // 4, "P")
        image.putpalette([0, 0, 0] * 64)
        image.save(tmp_path / "a.png", transparency=bytes(range(0, 256, 4)))
    else:
        black = np.zeros((48, 48, len(mode) - 1), np.uint8)
        Image.fromarray(np.dstack([black, GREY]), mode).save(tmp_path / "a.png")
    assert "transparency" in refusal_of(tmp_path / "a.png")


def test_modes_pillow_cannot_convert_are_named(tmp_path: Path) -> None:
    from PIL import ImageCms

    to_lab = ImageCms.buildTransform(
        ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
    )
    lab = ImageCms.applyTransform(Image.fromarray(COLOUR), to_lab)
    assert lab is not None
    lab.save(tmp_path / "a.tif")
    assert "mode is LAB" in refusal_of(tmp_path / "a.tif")


def test_images_in_memory_are_read_alike() -> None:
    assert np.array_equal(np.asarray(to_rgb(Image.fromarray(GREY16)))[..., 0], GREY)
    expected = preprocess(Image.fromarray(GREY), SPEC)
    assert np.array_equal(preprocess(Image.fromarray(GREY16), SPEC), expected)


def test_the_shared_pictures(shared: Path) -> None:
    folder = shared / "cases" / "networks" / "images_16_bit"
    eight = grey_of(folder / "g8.png")
    for name in ("g16.png", "t16.tif", "f32.tif"):
        assert np.abs(grey_of(folder / name).astype(int) - eight).max() <= 1, name
    assert "not an image" in refusal_of(next((shared / "cases" / "faults").glob("05*/eps/0/a.jpg")))
    (tall,) = (shared / "cases" / "faults").glob("07*/tall")
    with pytest.raises(BadImageError, match="too long for its width"):
        list(batches(open_dataset(tall), InputSpec(64, 64)))


def test_a_damaged_picture_is_told_once(tmp_path: Path) -> None:
    """In a process of its own, since pytest listens to all loggers."""
    path = tmp_path / "a.tif"
    Image.new("RGB", (4, 4)).save(path)
    content = bytearray(path.read_bytes())
    tag = struct.pack("<HHI", 277, 3, 1)  # samples per pixel, of TIFF 6.0
    assert content.count(tag) == 1
    content[content.index(tag) + 8] = 42
    path.write_bytes(content)
    program = (
        "import sys; from pathlib import Path; from zoo.images import BadImageError, read_image\n"
        "try:\n    read_image(Path(sys.argv[1]))\nexcept BadImageError as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stderr == "" and done.stdout.count("\n") == 1
