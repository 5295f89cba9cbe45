r"""A segmenter's int8 against float and default exports, and what it costs to resize and
answer inside: one interleaved run a size, one thread.

    python -m benchmarks.segmentation.latency --pixels 320 \
        --output benchmarks/segmentation/latency-320.json

Weights are random and calibration is composed scenes, since latency depends on neither. Exports are
kept in ``--work``, so that a run that was cut off goes on; ``--export-only`` makes them alone.
"""

from __future__ import annotations

import argparse
import copy
import importlib.metadata
import multiprocessing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from benchmarks.emulated.default_exports import EXPORTERS, quiet
from benchmarks.emulated.files import write
from benchmarks.int8_speed.artefacts import RUNTIMES, Precision
from benchmarks.segmentation.parity import CALIBRATION, scenes
from export.base import ExportSource
from export.format_info import FORMAT_INFO, OUTPUT_FORMS, OutputForm
from export.formats import FORMATS
from export.output_forms import in_form
from quantize.graph.capture import capture
from quantize.ptq import quantize_captured
from quantize.recipe import load_recipe
from runtime_bench.machine.cache import cache_folder
from runtime_bench.measurement import Measurement
from runtime_bench.timing.modes import MODES, mode_of
from runtime_bench.timing.protocol import benchmark
from runtime_bench.timing.ratio import ratio
from runtime_bench.timing.session import Subject
from zoo.files import atomic_file
from zoo.networks import InputOverrides, load_network
from zoo.scenes import SCENES_CALIBRATION

NETWORK = "lraspp_mobilenet_v3_large"
PACKAGES = ("torch", "torchao", "executorch", "onnxruntime", "ai-edge-litert", "litert-torch")


@dataclass(frozen=True)
class Export:
    """One file to time; ``way`` is ``default`` for the library's documented one."""

    runtime: str
    way: Literal["default", "ours"]
    precision: Precision
    output: OutputForm = "raw"

    @property
    def name(self) -> str:
        """Such as ``executorch ours int8 classes``."""
        form = () if self.output == "raw" else (self.output,)
        return " ".join((self.runtime, self.way, self.precision, *form))


def exports() -> list[Export]:
    """All of one size."""
    found = []
    for runtime in RUNTIMES:
        for precision in ("fp32", "int8"):
            found += [Export(runtime, "default", precision), Export(runtime, "ours", precision)]
        found += [Export(runtime, "ours", "int8", form) for form in OUTPUT_FORMS]
    return found


def make(pixels: int, work: Path) -> dict[Export, Path]:
    """Write what ``work`` has not; all exports by path."""
    torch.set_num_threads(1)
    network = load_network(NETWORK, overrides=InputOverrides(size=pixels))
    captured = capture(network.module, network.input_spec, network.interface)
    images = scenes(network, SCENES_CALIBRATION, CALIBRATION)
    program = quantize_captured(captured, network, images, load_recipe("ptq-fast"))
    example = torch.zeros(network.input_spec.shape)
    paths = {}
    for entry in exports():
        suffix = FORMAT_INFO[RUNTIMES[entry.runtime]].suffix
        path = work / str(pixels) / f"{entry.name.replace(' ', '-')}{suffix}"
        paths[entry] = path
        if path.exists():
            continue
        with atomic_file(path) as temporary, quiet():
            if entry.way == "default":
                export, _ = EXPORTERS[entry.runtime, entry.precision]
                export(copy.deepcopy(network.module).eval(), example, temporary)
                continue
            source = ExportSource(
                entry.precision,
                network.input_spec,
                captured.graph,
                program if entry.precision == "int8" else None,
                float_interface=captured.interface,
            )
            FORMATS[RUNTIMES[entry.runtime]].export(in_form(source, entry.output), temporary)
    return paths


def time(paths: dict[Export, Path], mode: str) -> dict[str, Any]:
    """One interleaved run, one thread, batch 1; ratios with their 95 % intervals."""
    subjects = [Subject(path, entry.precision, entry.name) for entry, path in paths.items()]
    found = dict(zip(paths, benchmark(subjects, threads=1, mode=mode_of(mode)), strict=True))
    first = next(iter(found.values()))
    return {
        "network": NETWORK,
        "device": first.device.model_dump(mode="json"),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "created": first.created,
        "mode": mode,
        "rows": [_row(entry, found) for entry in found],
    }


def _row(entry: Export, found: dict[Export, Measurement]) -> dict[str, Any]:
    others = {
        "ours fp32": Export(entry.runtime, "ours", "fp32"),
        "default int8": Export(entry.runtime, "default", "int8"),
        "ours int8": Export(entry.runtime, "ours", "int8"),
    }
    latency = found[entry].latency_ms
    assert latency is not None
    return {
        **asdict(entry),
        "latency_ms": latency.model_dump(mode="json"),
        "ratios": {
            name: asdict(ratio(found[entry], found[other]))
            for name, other in others.items()
            if other != entry
        },
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pixels", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=None, help="where exports are kept")
    parser.add_argument("--mode", choices=tuple(MODES), default="standard")
    parser.add_argument("--export-only", action="store_true")
    given = parser.parse_args()
    work = given.work or cache_folder() / "segmentation"
    # Converters leave thread pools and allocations behind, which timings would share.
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        paths = pool.apply(make, (given.pixels, work))
    if given.export_only:
        return
    command = f"python -m benchmarks.segmentation.latency --pixels {given.pixels}"
    write(given.output, {"command": command, "pixels": given.pixels, **time(paths, given.mode)})


if __name__ == "__main__":
    main()
