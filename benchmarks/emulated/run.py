"""Counts of default exports on emulated cores, and estimated cycles against published latencies.

    python -m benchmarks.emulated.run --output benchmarks/emulated

writes ``counts.json`` (every network, runtime, precision and core) and ``published.json`` (cycles
of four float MobileNets against XNNPACK's published phone latencies, leave-one-out, beside MAC
counting). Exports are kept in ``--work``; results are written after each line, and lines that are
already there are not made again.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks.emulated.default_exports import EXPORTERS, quiet
from runtime_bench.emulation.calibration import Point, calibrate
from runtime_bench.emulation.cores import find_core
from runtime_bench.emulation.measure import OutputDifference, count_artefact, host_outputs
from runtime_bench.runners.build import cached_bundle
from runtime_bench.runners.cache import cache_folder
from runtime_bench.targets.emulated import EmulatedTarget
from zoo.architecture import architectures
from zoo.counting import count
from zoo.fbnet import FBNet
from zoo.files import atomic_path, sha256_of

PACKAGES = ("torch", "torchao", "executorch", "onnxruntime", "ai-edge-litert", "litert-torch")
CORES = ("cortex-a53", "cortex-a76", "cortex-a710")
PROCESSES = 3
# Google's XNNPACK README, single thread, float (milliseconds); the rows of latency_results.json.
PUBLISHED_MS = {
    "Pixel": {
        "mobilenet_v1": 82,
        "mobilenet_v2": 49,
        "mobilenet_v3_large": 39,
        "mobilenet_v3_small": 12,
    },
    "Pixel 2": {
        "mobilenet_v1": 86,
        "mobilenet_v2": 53,
        "mobilenet_v3_large": 42,
        "mobilenet_v3_small": 14,
    },
    "Pixel 3a": {
        "mobilenet_v1": 88,
        "mobilenet_v2": 55,
        "mobilenet_v3_large": 44,
        "mobilenet_v3_small": 14,
    },
}


def _timm(name: str) -> nn.Module:
    import timm

    network: nn.Module = timm.create_model(name, pretrained=False)
    return network


def _torchvision(name: str) -> nn.Module:
    import torchvision

    network: nn.Module = getattr(torchvision.models, name)(weights=None)
    return network


NETWORKS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "fbnetv3_b": (lambda: _timm("fbnetv3_b"), 224),
    "FBNetV2_F1": (lambda: FBNet(architectures()["FBNetV2_F1"], num_classes=10), 128),
}
CALIBRATING: dict[str, Callable[[], nn.Module]] = {
    "mobilenet_v1": lambda: _timm("mobilenetv1_100"),
    "mobilenet_v2": lambda: _torchvision("mobilenet_v2"),
    "mobilenet_v3_large": lambda: _torchvision("mobilenet_v3_large"),
    "mobilenet_v3_small": lambda: _torchvision("mobilenet_v3_small"),
}


def artefact(
    name: str, make: Callable[[], nn.Module], size: int, runtime: str, precision: str, work: Path
) -> Path:
    """The network's default export (random weights from a fixed seed), made once."""
    export, suffix = EXPORTERS[runtime, precision]
    path = work / f"{name}_{precision}.{suffix}"
    if not path.exists():
        torch.manual_seed(0)
        module = make().eval()
        with atomic_path(path) as partial, quiet():
            export(module, torch.randn(1, 3, size, size), partial)
    return path


def versions() -> dict[str, str]:
    """What the figures depend on."""
    found = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"python": platform.python_version(), **found}


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The results that are already there."""
    if not path.exists():
        return []
    lines: list[dict[str, Any]] = json.loads(path.read_text())["results"]
    return lines


def write(path: Path, document: dict[str, Any]) -> None:
    """Replace a JSON file."""
    with atomic_path(path) as partial:
        partial.write_text(json.dumps(document, indent=1) + "\n")


def count_networks(output: Path, work: Path, command: str) -> None:
    """Fill ``counts.json``."""
    bundle = cached_bundle()
    results = read_lines(output)
    done = {(r["network"], r["runtime"], r["precision"], r["core"]) for r in results}
    for network, (make, size) in NETWORKS.items():
        for runtime, precision in EXPORTERS:
            for core in CORES:
                if (network, runtime, precision, core) in done:
                    continue
                path = artefact(network, make, size, runtime, precision, work)
                line = count_one(core, path, size, bundle)
                results.append({"network": network, "precision": precision, **line})
                document = {"command": command, "versions": versions(), "results": results}
                write(output, document)
                print(network, precision, line["runtime"], core, line["instructions"], flush=True)


def count_one(core: str, path: Path, size: int, bundle: Any) -> dict[str, Any]:
    """One line of ``counts.json``."""
    images = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(1)).numpy()
    target = EmulatedTarget(f"arm://{core}", find_core(core))
    try:
        emulation = count_artefact(target, bundle, path, images, processes=PROCESSES)
    finally:
        target.cleanup()
    difference = OutputDifference.between(emulation.outputs, host_outputs(path, images))
    kernels = emulation.kernels
    return {
        "runtime": emulation.served.runtime,
        "runtime_version": emulation.served.version,
        "core": core,
        "sha256": sha256_of(path),
        "instructions": emulation.instructions,
        "process_instructions": emulation.process_instructions,
        "repeats": emulation.repeats,
        "classes": emulation.classes,
        "kernel_family": None if kernels is None else kernels.name,
        "kernel_shares": None if kernels is None else kernels.shares,
        "cycles": None if emulation.cycles is None else asdict(emulation.cycles),
        "outputs_equal_host": difference.equal,
        "outputs_largest_difference": difference.largest,
        "hottest": [
            {
                "instructions": block.instructions,
                "executions": block.executions,
                "words": [f"{word:08x}" for word in block.words],
            }
            for block in emulation.hottest[:3]
        ],
    }


def compare_published(output: Path, work: Path, command: str) -> None:
    """Fill ``published.json``: float MobileNets of ExecuTorch on cortex-a76."""
    bundle = cached_bundle()
    core = find_core("cortex-a76")
    networks: dict[str, dict[str, float]] = {}
    for name, make in CALIBRATING.items():
        path = artefact(name, make, 224, "executorch", "fp32", work)
        images = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(1)).numpy()
        target = EmulatedTarget("arm://cortex-a76", core)
        try:
            emulation = count_artefact(target, bundle, path, images)
        finally:
            target.cleanup()
        assert emulation.cycles is not None
        macs = count(make().eval(), (1, 3, 224, 224)).macs
        networks[name] = {
            "cycles": emulation.cycles.cycles,
            "instructions": emulation.instructions,
            "macs": macs,
        }
        print(name, networks[name], flush=True)
    devices = {
        device: {
            predictor: errors_of(device, times, {n: networks[n][predictor] for n in times})
            for predictor in ("cycles", "instructions", "macs")
        }
        for device, times in PUBLISHED_MS.items()
    }
    write(
        output,
        {"command": command, "versions": versions(), "networks": networks, "devices": devices},
    )


def errors_of(device: str, times: dict[str, int], predictor: dict[str, float]) -> dict[str, Any]:
    """A one-scale fit of milliseconds on a predictor: relative errors of each network."""
    points = [Point(network=n, cycles=predictor[n], milliseconds=ms) for n, ms in times.items()]
    fit = calibrate(device, "cortex-a76", points)
    return {
        "scale_ms": fit.scale,
        "errors": dict(zip(times, fit.errors, strict=True)),
        "leave_one_out": dict(zip(times, fit.leave_one_out, strict=True)),
        "mean_leave_one_out": fit.mean_error(),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=None, help="where exports are kept")
    parser.add_argument("--only", choices=("counts", "published"))
    options = parser.parse_args(arguments)
    work = options.work or cache_folder() / "default_exports"
    command = "python -m benchmarks.emulated.run " + " ".join(arguments or sys.argv[1:])
    if options.only != "published":
        count_networks(options.output / "counts.json", work, command)
    if options.only != "counts":
        compare_published(options.output / "published.json", work, command)


if __name__ == "__main__":
    main()
