"""What is opened, in which way up, and what is refused in one line."""

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
from PIL import ExifTags, Image

from tests.zoo.pictures import COLOUR, GREY, grey_of, pixels_of, refusal_of, write_png
from zoo.datasets import batches, open_dataset
from zoo.images import MOST_PIXELS, BadImageError, Header, read_header, read_image
from zoo.input_spec import InputSpec
from zoo.preprocess import preprocess


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
    found = pixels_of(path).astype(int)
    assert found.shape == upright.shape
    assert np.abs(found - upright).max() <= (3 if suffix == "jpg" else 0)


@pytest.mark.parametrize("exif", [b"", b"Exif\0\0", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"\xff" * 99])
def test_broken_exif_leaves_the_pixels(exif: bytes, tmp_path: Path) -> None:
    Image.fromarray(COLOUR).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(pixels_of(tmp_path / "a.png"), COLOUR)
    assert read_header(tmp_path / "a.png") == Header(*COLOUR.shape[1::-1], 1)


def test_the_first_frame_is_taken(tmp_path: Path) -> None:
    first, second = Image.fromarray(COLOUR), Image.fromarray(255 - COLOUR)
    for name, options in {"a.png": {}, "a.tif": {}, "a.webp": {"lossless": True}}.items():
        first.save(tmp_path / name, save_all=True, append_images=[second], **options)
        assert np.array_equal(pixels_of(tmp_path / name), COLOUR), name


def test_a_header_is_read_of_what_pixels_are_read_of(tmp_path: Path) -> None:
    Image.fromarray(COLOUR).save(tmp_path / "a.eps")
    (tmp_path / "b.png").write_bytes(b"")
    for name, reason in {"a.eps": "not an image of the kinds", "b.png": "is empty"}.items():
        for read in (read_header, read_image):
            with pytest.raises(BadImageError, match=reason):
                read(tmp_path / name)


def test_photos_under_another_photos_name(tmp_path: Path) -> None:
    for kind in ("PNG", "WEBP"):  # ImageNet has a PNG called .JPEG
        Image.fromarray(COLOUR).save(tmp_path / "a.jpg", kind, lossless=True)
        assert np.array_equal(pixels_of(tmp_path / "a.jpg"), COLOUR)
    Image.fromarray(COLOUR).save(tmp_path / "a.png", "TIFF")
    assert "not an image of the kinds PNG, JPEG, WEBP" in refusal_of(tmp_path / "a.png")


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
    write_png(tmp_path / "a.png", [(b"IHDR", header), (b"IDAT", rows)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", module=r"PIL\.")
        assert "pixels are over 89 million" in refusal_of(tmp_path / "a.png")


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
    ((_, _, names, _),) = batches(skipping, InputSpec(640, 640))
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
        write_png(tmp_path / "a.png", [(b"IHDR", header), bomb, (b"IDAT", rows)])
        start = time.monotonic()
        try:
            assert np.array_equal(grey_of(tmp_path / "a.png"), GREY)
        except BadImageError as error:
            assert len(str(error)) <= 300
        assert time.monotonic() - start < 2


def test_files_that_are_no_pictures(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(COLOUR).save(buffer, "PNG")
    contents = {"empty": b"", "text": b"no image", "half": buffer.getvalue()[:-60]}
    for name, content in contents.items():
        (tmp_path / f"{name}.png").write_bytes(content)
        refusal_of(tmp_path / f"{name}.png")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    assert "pipe" in refusal_of(tmp_path / "pipe.png")
    assert "folder" in refusal_of(tmp_path / "folder.png")
    assert refusal_of(tmp_path / "missing.png") == "no such file"
