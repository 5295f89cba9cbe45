"""Each kind of option by itself: what it reads and what it refuses."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fbdeploy.cli.types import numbers, picture, training
from fbdeploy.cli.types.reading import text
from zoo.errors import InputError

NO_NUMBERS = (
    "", " ", "²", "٣", "1²", "１", "0x10", "1_000", "nan", "-nan", "inf", "-inf", "Infinity",
    "1e999",    "9" * 5000, "one", "1;2", "\0",
    "--1", "1e", ".", "-", "+", "1,", ",1", "1,,2", "None",
)  # fmt: skip
KINDS: dict[str, tuple[Callable[[str], object], tuple[str, ...]]] = {
    "threads": (numbers.threads, ("0", "-1", "1.5", "2147483648", "1e300", "1000000")),
    "thread list": (numbers.thread_list, ("0", "1,0", "-1", "1,1000000", "1.5")),
    "core list": (numbers.core_list, ("-1", "99999999999999", "0,-1")),
    "classes": (numbers.classes, ("0", "-5", "1000001")),
    "images": (numbers.image_count, ("0", "-1", "1.5", "ALL", "10000000000")),
    "temperature": (numbers.temperature, ("-300", "151", "1e300")),
    "seconds": (numbers.seconds, ("-1", "1e8")),
    "points": (numbers.points, ("-1", "101")),
    "percent": (numbers.percent, ("-0.1", "1e300")),
    "crop share": (picture.crop_share, ("0", "1e-300", "1e-5", "1.01", "-1")),
    "size": (picture.size, ("0", "-1", "0x64", "64x0", "2x2x2", "99999", "64x", "x64", "1.5")),
    "mean": (picture.mean, ("1", "1,2", "1,2,3,4", "nan,nan,nan", "inf,0,0", "1e300,0,0")),
    "std": (picture.std, ("0,1,1", "1,1", "-1,1,1", "nan,1,1", "inf,inf,inf", "1e-300,1,1")),
    "interpolation": (picture.interpolation, ("cubic", "BICUBIC")),
    "overlaps": (training.thresholds, ("0.3", "0.7,0.3", "0,0.7", "0.3,1", "0.3,0.5,0.7")),
    "normalization": (training.norm, ("folded", "bn", "LN")),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_refused(kind: str) -> None:
    read, refused = KINDS[kind]
    for given in (*NO_NUMBERS, *refused):
        with pytest.raises(InputError) as error:
            read(given)
        line = str(error.value)
        assert len(line) < 300 and ("; give" in line or "must be" in line or ";" in line), line


def test_what_is_read() -> None:
    assert numbers.threads("8") == 8
    assert numbers.thread_list("2,1,2") == (2, 1)
    assert numbers.core_list("0, 4") == (0, 4)
    assert numbers.image_count("all") is None and numbers.image_count("20") == 20
    assert numbers.image_text("all") == "all"
    assert numbers.temperature("40.5") == 40.5
    assert numbers.points("0.3") == 0.3 and numbers.percent("1e2") == 100
    assert picture.crop_share(".875") == 0.875
    assert picture.size("224") == (224, 224) and picture.size("192X256") == (192, 256)
    assert picture.mean("0.485, -0.1,0") == (0.485, -0.1, 0.0)
    assert picture.std("0.229,0.224,1") == (0.229, 0.224, 1.0)
    assert picture.interpolation("bicubic") == "bicubic"
    assert training.thresholds("0.3, 0.7") == (0.3, 0.7) and training.norm("GN") == "GN"


def test_a_default_is_taken_as_it_stands() -> None:
    assert numbers.threads(1) == 1
    assert numbers.thread_list(numbers.ONE_THREAD) == (1,)


@pytest.mark.parametrize(
    "given", ["", "\t", "a\0", b"\xff".decode(errors="surrogateescape"), "x" * 4097]
)
def test_no_text(given: str) -> None:
    with pytest.raises(InputError):
        text(given)
