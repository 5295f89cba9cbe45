"""Wall time of a deployment without measurements, against the libraries' default exports in turn.

    python -m benchmarks.int8_speed.deploy_time --data DIR --calibration DIR \
        --output benchmarks/int8_speed/deploy_time.json

Both make what there is of five formats in fp32 and int8, from the same photos, on all cores of an
idle machine. Each default export is a process of its own, as for someone who follows one guide
after the other, and calibrates on 128 photos; Core ML has no int8 there, since it calibrates on a
Mac alone.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.emulated.default_exports import EXPORTERS, quiet
from benchmarks.emulated.files import write
from benchmarks.real_photos.default_paths import calibration_photos, torchscript_int8
from fbdeploy.pipeline.environment import environment
from zoo.networks import load_network


def _torchscript_fp32(module: nn.Module, example: Tensor, path: Path) -> None:
    torch.jit.trace(module, example).save(str(path))


def _coreml_fp32(module: nn.Module, example: Tensor, path: Path) -> None:
    import coremltools

    traced = torch.jit.trace(module, example)
    shape = coremltools.TensorType(shape=example.shape)
    coremltools.convert(traced, inputs=[shape], convert_to="mlprogram").save(str(path))


#: Every default export and its file's suffix; those of int8 take calibration photos, too.
DEFAULTS: dict[tuple[str, str], tuple[Callable[..., None], str]] = {
    **EXPORTERS,
    ("torchscript", "fp32"): (_torchscript_fp32, "pt"),
    ("torchscript", "int8"): (torchscript_int8, "pt"),
    ("coreml", "fp32"): (_coreml_fp32, "mlpackage"),
}


@dataclass(frozen=True)
class Step:
    """One export, seconds with its process's start, and what it raised, if anything."""

    name: str
    seconds: float
    error: str = ""


def _export(network: str, calibration: Path, library: str, precision: str, folder: Path) -> str:
    """Run one default export; what it raised."""
    loaded = load_network(network)
    export, suffix = DEFAULTS[library, precision]
    photos = [calibration_photos(loaded, calibration)] if precision == "int8" else []
    example = torch.zeros(loaded.input_spec.shape)
    try:
        with quiet():
            export(loaded.module.eval(), example, folder / f"model.{suffix}", *photos)
    except Exception as error:  # whatever a library raises is its finding
        return f"{type(error).__name__}: {str(error).splitlines()[0]}"
    return ""


def _defaults(network: str, calibration: Path) -> list[Step]:
    steps = []
    for library, precision in DEFAULTS:
        started = time.monotonic()
        with (
            tempfile.TemporaryDirectory() as folder,
            multiprocessing.get_context("spawn").Pool(1) as pool,
        ):
            error = pool.apply(_export, (network, calibration, library, precision, Path(folder)))
        steps.append(Step(f"{library} {precision}", round(time.monotonic() - started, 1), error))
        print(steps[-1], flush=True)
    return steps


def _ours(network: str, data: Path, calibration: Path) -> float:
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [
                *(sys.executable, "-m", "fbdeploy", "deploy", network, "--artefacts-only"),
                *("--data", str(data), "--calibration", str(calibration)),
                *("--output", str(Path(folder) / "out")),
            ],
            check=True,
        )
    return round(time.monotonic() - started, 1)


def main() -> None:
    """Measure and write the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="fbnetv3_b")
    parser.add_argument("--parts", default="ours,defaults", help="the other one stays as it was")
    for name in ("--data", "--calibration", "--output"):
        parser.add_argument(name, required=True, type=Path)
    given = parser.parse_args()
    parts = given.parts.split(",")
    document = json.loads(given.output.read_text()) if given.output.exists() else {}
    document |= {"network": given.network, "environment": environment().model_dump(mode="json")}
    if "ours" in parts:
        document["ours_seconds"] = _ours(given.network, given.data, given.calibration)
    if "defaults" in parts:
        steps = _defaults(given.network, given.calibration)
        document["defaults_seconds"] = round(sum(step.seconds for step in steps), 1)
        document["defaults"] = [asdict(step) for step in steps]
    write(given.output, document)


if __name__ == "__main__":
    main()
