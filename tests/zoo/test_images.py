"""Pictures of every mode against their plain 8-bit RGB ones, and what is refused in one line."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import time
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image

from zoo.datasets import batches, open_dataset
from zoo.images import MOST_PIXELS, BadImageError, UnusableImageError, read_image, to_rgb
from zoo.input_spec import InputSpec
from zoo.preprocess import preprocess

SPEC = InputSpec(48, 48, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), crop_pct=1.0)
RAMP = np.arange(48 * 48).reshape(48, 48) / (48 * 48 - 1)  # float64 in 0..1
GREY = (RAMP * 255).astype(np.uint8)
GREY16 = GREY.astype(np.uint16) * 257
COLOUR = np.stack([GREY, GREY[::-1], GREY[:, ::-1]], axis=-1)


def _pixels(path: Path) -> NDArray[np.uint8]:
    image = read_image(path)
    assert image.mode == "RGB"
    return np.asarray(image)


def _refused(path: Path) -> str:
    with pytest.raises(BadImageError) as error:
        read_image(path)
    text = str(error.value)
    assert str(path) in text and "\n" not in text and len(text) <= 300
    return error.value.reason


def _grey(path: Path) -> NDArray[np.uint8]:
    pixels = _pixels(path)
    assert (pixels[..., :1] == pixels).all()
    return pixels[..., 0]


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.pgm"])
def test_16_bit_grey_is_scaled_to_8(name: str, tmp_path: Path) -> None:
    Image.fromarray(GREY16).save(tmp_path / name)
    assert np.array_equal(_grey(tmp_path / name), GREY)


def test_16_bit_grey_of_other_byte_orders_and_32_bit_containers(tmp_path: Path) -> None:
    Image.frombytes("I;16B", (48, 48), GREY16.astype(">u2").tobytes()).save(tmp_path / "b.tif")
    Image.fromarray(GREY16.astype(np.int32)).save(tmp_path / "i.tif")
    for name in ("b.tif", "i.tif"):
        assert np.array_equal(_grey(tmp_path / name), GREY), name


def test_16_bit_colour_is_scaled_to_8(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 48, 48, 16, 2, 0, 0, 0)
    rows = b"".join(b"\0" + (row.astype(np.uint16) * 257).astype(">u2").tobytes() for row in COLOUR)
    _write_png(tmp_path / "a.png", [(b"IHDR", header), (b"IDAT", zlib.compress(rows))])
    assert np.array_equal(_pixels(tmp_path / "a.png"), COLOUR)


def _write_png(path: Path, chunks: list[tuple[bytes, bytes]]) -> None:
    content = b"\x89PNG\r\n\x1a\n"
    for kind, data in [*chunks, (b"IEND", b"")]:
        content += struct.pack(">I", len(data)) + kind + data
        content += struct.pack(">I", zlib.crc32(kind + data))
    path.write_bytes(content)


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
    assert np.array_equal(_grey(tmp_path / "12.tif"), GREY)
    inverted = (65535 - GREY16).astype("<u2").tobytes()
    _write_grey_tiff(tmp_path / "white.tif", 16, 0, inverted)
    assert np.array_equal(_grey(tmp_path / "white.tif"), GREY)


@pytest.mark.parametrize("scale", [1.0, 255.0])
def test_float_pixels_of_both_usual_ranges(scale: float, tmp_path: Path) -> None:
    Image.fromarray((GREY / 255 * scale).astype(np.float32)).save(tmp_path / "a.tif")
    assert np.array_equal(_grey(tmp_path / "a.tif"), GREY)


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
    assert said in _refused(tmp_path / "a.tif")
    with pytest.raises(UnusableImageError):
        preprocess(Image.fromarray(pixels), SPEC)


def test_a_picture_of_one_value_is_what_it_is(tmp_path: Path) -> None:
    for value in (0, 257 * 3, 65535):
        Image.fromarray(np.full((8, 8), value, np.uint16)).save(tmp_path / "a.png")
        assert (_pixels(tmp_path / "a.png") == value >> 8).all()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "LA", "CMYK", "YCbCr"])
def test_8_bit_modes_are_as_pillow_converts_them(mode: str, tmp_path: Path) -> None:
    image = Image.fromarray(COLOUR).convert(mode)
    path = tmp_path / ("a.tif" if mode in ("CMYK", "YCbCr") else "a.png")
    image.save(path)
    assert np.array_equal(_pixels(path), np.asarray(image.convert("RGB")))


def test_a_cmyk_jpeg_has_the_colours_of_its_picture(tmp_path: Path) -> None:
    smooth = Image.fromarray(COLOUR).convert("CMYK")
    smooth.save(tmp_path / "a.jpg", quality=100, subsampling=0)
    expected = np.asarray(smooth.convert("RGB")).astype(int)
    assert np.abs(_pixels(tmp_path / "a.jpg") - expected).mean() < 2


def test_partly_transparent_pictures_keep_their_colours(tmp_path: Path) -> None:
    alpha = np.where(RAMP > 0.5, 255, 0).astype(np.uint8)
    Image.fromarray(np.dstack([COLOUR, alpha])).save(tmp_path / "rgba.png")
    Image.fromarray(np.dstack([GREY, alpha])).save(tmp_path / "la.png")
    palette = Image.fromarray(COLOUR).quantize(64)
    palette.save(tmp_path / "p.png", transparency=bytes(range(0, 256, 4)))
    assert np.array_equal(_pixels(tmp_path / "rgba.png"), COLOUR)
    assert np.array_equal(_grey(tmp_path / "la.png"), GREY)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Pillow warns of palettes with transparency
        assert np.array_equal(_pixels(tmp_path / "p.png"), np.asarray(palette.convert("RGB")))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_a_drawing_that_is_all_in_its_transparency_is_not_black(mode: str, tmp_path: Path) -> None:
    if mode == "P":
        image = Image.fromarray(GREY // 4, "P")
        image.putpalette([0, 0, 0] * 64)
        image.save(tmp_path / "a.png", transparency=bytes(range(0, 256, 4)))
    else:
        black = np.zeros((48, 48, len(mode) - 1), np.uint8)
        Image.fromarray(np.dstack([black, GREY]), mode).save(tmp_path / "a.png")
    assert "transparency" in _refused(tmp_path / "a.png")


def test_modes_pillow_cannot_convert_are_named(tmp_path: Path) -> None:
    from PIL import ImageCms

    to_lab = ImageCms.buildTransform(
        ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
    )
    lab = ImageCms.applyTransform(Image.fromarray(COLOUR), to_lab)
    assert lab is not None
    lab.save(tmp_path / "a.tif")
    assert "mode is LAB" in _refused(tmp_path / "a.tif")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tif", "webp", "jpg"])
def test_pictures_are_turned_upright(orientation: int, suffix: str, tmp_path: Path) -> None:
    stored = {  # how a camera held so stores an upright picture (JEITA CP-3451, 4.6.4)
        1: lambda p: p,
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.transpose(1, 0, 2),
        6: lambda p: np.rot90(p),
        7: lambda p: np.rot90(p, 2).transpose(1, 0, 2),
        8: lambda p: np.rot90(p, -1),
    }
    upright = np.kron(COLOUR[::12, ::8], np.ones((16, 16, 1), np.uint8))  # whole JPEG blocks
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path = tmp_path / f"a.{suffix}"
    options = {"webp": {"lossless": True}, "jpg": {"quality": 100, "subsampling": 0}}
    image = Image.fromarray(np.ascontiguousarray(stored[orientation](upright)))
    image.save(path, exif=exif, **options.get(suffix, {}))
    found = _pixels(path).astype(int)
    assert found.shape == upright.shape
    assert np.abs(found - upright).max() <= (3 if suffix == "jpg" else 0)


@pytest.mark.parametrize("exif", [b"", b"Exif\0\0", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"\xff" * 99])
def test_broken_exif_leaves_the_pixels(exif: bytes, tmp_path: Path) -> None:
    Image.fromarray(COLOUR).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(_pixels(tmp_path / "a.png"), COLOUR)


def test_the_first_frame_is_taken(tmp_path: Path) -> None:
    first, second = Image.fromarray(COLOUR), Image.fromarray(255 - COLOUR)
    for name, options in {"a.png": {}, "a.tif": {}, "a.webp": {"lossless": True}}.items():
        first.save(tmp_path / name, save_all=True, append_images=[second], **options)
        assert np.array_equal(_pixels(tmp_path / name), COLOUR), name


def test_photos_under_another_photos_name(tmp_path: Path) -> None:
    for kind in ("PNG", "WEBP"):  # ImageNet has a PNG called .JPEG
        Image.fromarray(COLOUR).save(tmp_path / "a.jpg", kind, lossless=True)
        assert np.array_equal(_pixels(tmp_path / "a.jpg"), COLOUR)
    Image.fromarray(COLOUR).save(tmp_path / "a.png", "TIFF")
    assert "not an image of the kinds PNG, JPEG, WEBP" in _refused(tmp_path / "a.png")


@pytest.mark.parametrize("kind", ["EPS", "PDF", "GIF", "TIFF", "PPM", "BMP", "ICO", "PCX", "TGA"])
def test_only_what_a_suffix_promises_is_opened(kind: str, tmp_path: Path) -> None:
    """An EPS picture would be drawn by Ghostscript, another program; its stand-in is not called."""
    log, programs = tmp_path / "called", tmp_path / "bin"
    programs.mkdir()
    (programs / "gs").write_text(f'#!/bin/sh\necho "$@" >> {log}\n')
    (programs / "gs").chmod(0o755)
    Image.fromarray(COLOUR).save(tmp_path / "a.jpg", kind)
    code = (
        "import sys; from pathlib import Path; from zoo.images import *\n"
        "try: read_image(Path(sys.argv[1]))\nexcept BadImageError as e: print(e.reason)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.jpg")],
        env={
            **os.environ,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert "not an image of the kinds JPEG, PNG, WEBP" in done.stdout
    assert not log.exists()


def test_a_picture_too_large_to_decode(tmp_path: Path) -> None:
    side = int(MOST_PIXELS**0.5) + 1
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * ((side // 8 + 2) * side), 9)
    _write_png(tmp_path / "a.png", [(b"IHDR", header), (b"IDAT", rows)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", module=r"PIL\.")
        assert "pixels are over 89 million" in _refused(tmp_path / "a.png")


@pytest.mark.parametrize("size", [(1, 2_000_000), (2_000_000, 1), (1, 65_000)])
def test_a_long_thin_picture_is_bounded_before_it_is_resized(
    size: tuple[int, int], tmp_path: Path
) -> None:
    for name in ("thin.png", "whole.png"):
        image = Image.new("1", size) if name == "thin.png" else Image.fromarray(COLOUR)
        image.save(tmp_path / name)
    start = time.monotonic()
    with pytest.raises(BadImageError, match="too long for its width") as error:
        list(batches(open_dataset(tmp_path, labelled=False), InputSpec(640, 640)))
    assert error.value.name == str(tmp_path / "thin.png")
    skipping = open_dataset(tmp_path, labelled=False, skip_bad_images=True)
    ((_, _, names),) = batches(skipping, InputSpec(640, 640))
    assert names == ("whole.png",) and list(skipping.skipped) == [str(tmp_path / "thin.png")]
    assert time.monotonic() - start < 10


def test_thin_pictures_that_can_be_resized_are(tmp_path: Path) -> None:
    Image.fromarray(COLOUR).resize((3000, 2)).save(tmp_path / "a.png")
    for mode in ("center", "squash", "border"):
        spec = InputSpec(48, 48, crop_mode=mode)
        assert preprocess(read_image(tmp_path / "a.png"), spec).shape == (3, 48, 48)


def test_metadata_bombs(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 48, 48, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" + row.tobytes() for row in GREY))
    for kind in (b"zTXt", b"iCCP"):
        bomb = (kind, b"name\0\0" + zlib.compress(b"\0" * (1 << 26), 1))
        _write_png(tmp_path / "a.png", [(b"IHDR", header), bomb, (b"IDAT", rows)])
        start = time.monotonic()
        try:
            assert np.array_equal(_grey(tmp_path / "a.png"), GREY)
        except BadImageError as error:
            assert len(str(error)) <= 300
        assert time.monotonic() - start < 2


def test_files_that_are_no_pictures(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(COLOUR).save(buffer, "PNG")
    contents = {"empty": b"", "text": b"no image", "half": buffer.getvalue()[:-60]}
    for name, content in contents.items():
        (tmp_path / f"{name}.png").write_bytes(content)
        _refused(tmp_path / f"{name}.png")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    assert "pipe" in _refused(tmp_path / "pipe.png")
    assert "folder" in _refused(tmp_path / "folder.png")
    assert _refused(tmp_path / "missing.png") == "no such file"


def test_images_in_memory_are_read_alike() -> None:
    assert np.array_equal(np.asarray(to_rgb(Image.fromarray(GREY16)))[..., 0], GREY)
    expected = preprocess(Image.fromarray(GREY), SPEC)
    assert np.array_equal(preprocess(Image.fromarray(GREY16), SPEC), expected)


def test_the_shared_pictures(shared: Path) -> None:
    folder = shared / "cases" / "networks" / "images_16_bit"
    eight = _grey(folder / "g8.png")
    for name in ("g16.png", "t16.tif", "f32.tif"):
        assert np.abs(_grey(folder / name).astype(int) - eight).max() <= 1, name
    assert "not an image" in _refused(next((shared / "cases" / "faults").glob("05*/eps/0/a.jpg")))
    (tall,) = (shared / "cases" / "faults").glob("07*/tall")
    with pytest.raises(BadImageError, match="too long for its width"):
        list(batches(open_dataset(tall), InputSpec(64, 64)))
