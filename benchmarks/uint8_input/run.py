"""Artefacts that take pixels against those that take floats, pre-processing included.

    fbdeploy deploy NETWORK --no-data --precisions int8 --formats executorch,onnx,litert \\
        --input uint8 --artefacts-only --output OUT
    python -m benchmarks.uint8_input.run OUT

What is timed is from a decoded, cropped picture, uint8 (height, width, 3), to the logits, as an app
does it: for floats the division, normalization and layout, by numpy into a buffer that is kept; for
pixels the layout alone, where the file's is another. One process, one thread, every artefact takes
its turn in every round, in a random order; medians of the rounds, and the bootstrap's
95 % interval of their ratio. ``alone`` is the artefact without any of that.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.format_info import FORMAT_INFO, PIXELS
from fbdeploy.records.manifest import Artefact, read_manifest
from runtime_bench.machine.device import describe
from runtime_bench.runtimes import RUNTIMES
from runtime_bench.runtimes.session import ImageSession
from zoo.input_spec import InputSpec

ROUNDS, RUNS, RESAMPLES = 60, 4, 2000
HERE = Path(__file__).parent
Call = Callable[[], object]


@dataclass(frozen=True)
class Row:
    """A format's two artefacts: milliseconds from picture to logits, and of the runs alone."""

    format: str
    float_ms: float
    float_alone_ms: float
    pixels_ms: float
    pixels_alone_ms: float
    ratio: float
    ratio_interval: tuple[float, float]


def main(arguments: list[str]) -> None:
    """Measure what lies in the folder given; print a table and write ``result.json``."""
    folder = Path(arguments[0])
    manifest = read_manifest(folder)
    picture = _picture(manifest.input_spec)
    calls: dict[tuple[str, str, str], Call] = {}
    for entry in manifest.artefacts:
        info = FORMAT_INFO[entry.format]
        if info.pixels and info.pixel_variant == PIXELS and entry.variant in ("", PIXELS):
            whole, alone = _calls(folder, entry, picture, manifest.input_spec)
            calls[entry.format, entry.input, "whole"] = whole
            calls[entry.format, entry.input, "alone"] = alone
    times = _rounds(calls)
    rows = [_row(fmt, times) for fmt in dict.fromkeys(fmt for fmt, _, _ in calls)]
    document = {
        "network": manifest.network.name,
        "input": asdict(manifest.input_spec),
        "device": describe().model_dump(mode="json"),
        "rounds": ROUNDS,
        "runs_a_round": RUNS,
        "rows": [asdict(row) for row in rows],
    }
    (HERE / "result.json").write_text(json.dumps(document, indent=1) + "\n")
    print("format       float in (alone)       uint8 in (alone)      uint8 / float")
    for row in rows:
        low, high = row.ratio_interval
        print(
            f"{row.format:11}  {row.float_ms:.3f} ({row.float_alone_ms:.3f}) ms"
            f"     {row.pixels_ms:.3f} ({row.pixels_alone_ms:.3f}) ms"
            f"     {row.ratio:.3f} [{low:.3f}, {high:.3f}]"
        )


def _picture(spec: InputSpec) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (spec.height, spec.width, 3), np.uint8)


def _calls(
    folder: Path, entry: Artefact, picture: NDArray[np.uint8], spec: InputSpec
) -> tuple[Call, Call]:
    """From picture to logits, and the artefact alone."""
    session = RUNTIMES[entry.format].load(folder / entry.path, 1)
    assert isinstance(session, ImageSession)
    infer, planes = session.infer, entry.layout == "nchw"
    kind = np.uint8 if entry.input == "uint8" else np.float32
    shape = (1, 3, spec.height, spec.width) if planes else (1, spec.height, spec.width, 3)
    buffer = np.zeros(shape, kind)
    # The buffer as (height, width, 3), whatever its layout.
    seen = buffer[0].transpose(1, 2, 0) if planes else buffer[0]
    scale, shift = (np.array(values, np.float32) for values in spec.of_pixels)

    def floats() -> object:
        np.multiply(picture, scale, out=seen)
        np.add(seen, shift, out=seen)
        return infer(buffer)

    def pixels() -> object:
        if not planes:
            return infer(picture[None])
        seen[...] = picture
        return infer(buffer)

    whole: Call = pixels if entry.input == "uint8" else floats
    whole()  # fills the buffer that the run alone takes
    return whole, lambda: infer(buffer)


def _rounds(calls: dict[tuple[str, str, str], Call]) -> dict[tuple[str, str, str], list[float]]:
    """Milliseconds a run of each call, one figure a round."""
    draw, found = random.Random(0), {key: list[float]() for key in calls}
    for _ in range(ROUNDS):
        order = list(calls)
        draw.shuffle(order)
        for key in order:
            call = calls[key]
            call()  # what ran before has left the caches to itself
            begin = time.perf_counter_ns()
            for _ in range(RUNS):
                call()
            found[key].append((time.perf_counter_ns() - begin) / RUNS / 1e6)
    return found


def _row(fmt: str, times: dict[tuple[str, str, str], list[float]]) -> Row:
    def median(given: str, part: str) -> float:
        return float(np.median(times[fmt, given, part]))

    ours, theirs = (np.array(times[fmt, given, "whole"]) for given in ("uint8", "float32"))
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, ROUNDS, (RESAMPLES, ROUNDS))
    ratios = np.median(ours[drawn], 1) / np.median(theirs[drawn], 1)
    low, high = np.quantile(ratios, (0.025, 0.975))
    return Row(
        fmt,
        *(median("float32", part) for part in ("whole", "alone")),
        *(median("uint8", part) for part in ("whole", "alone")),
        ratio=float(np.median(ours) / np.median(theirs)),
        ratio_interval=(float(low), float(high)),
    )


if __name__ == "__main__":
    main(sys.argv[1:])
