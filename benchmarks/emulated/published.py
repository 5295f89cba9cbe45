"""Estimated cycles against published latencies: four float MobileNets on three phones.

``published.json`` holds the published numbers and their source. Each predictor is fitted to a phone
with one scale (``runtime_bench.emulation.latency_model``); the errors are those of the fit, and
those of each network predicted from the other three.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import nn

from benchmarks.emulated.artefacts import artefact, timm_network
from benchmarks.emulated.files import read_results, versions, write
from runtime_bench.emulation.cores import find_core
from runtime_bench.emulation.latency_model import LatencyPoint, fit_latency
from runtime_bench.runners.build import cached_kit
from runtime_bench.runners.emulated import count_artefact
from runtime_bench.targets.emulated import EmulatedTarget
from zoo.counting import count

FACTS = Path(__file__).with_name("published.json")
RUNTIME = "executorch"  # whose fp32 kernels are XNNPACK's
SIZE = 224
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "mobilenet_v1": lambda: timm_network("mobilenetv1_100"),
    "mobilenet_v2": lambda: torchvision.models.mobilenet_v2(weights=None),
    "mobilenet_v3_large": lambda: torchvision.models.mobilenet_v3_large(weights=None),
    "mobilenet_v3_small": lambda: torchvision.models.mobilenet_v3_small(weights=None),
}


@dataclass(frozen=True)
class Predictor:
    """Cycles of the kernels that XNNPACK picks on ``core``, by one of llvm-mca's core models."""

    core: str
    model: str

    @property
    def name(self) -> str:
        """What it is called in the results."""
        return f"{self.core} kernels, {self.model} model"


# The first is what fbdeploy's arm://cortex-a76 does; the others ask whether the phone's own core,
# by its kernels and by LLVM's model of it (the one of Cortex-A57), would do better.
PREDICTORS = (
    Predictor("cortex-a76", "neoverse-n1"),
    Predictor("cortex-a73", "neoverse-n1"),
    Predictor("cortex-a75", "neoverse-n1"),
    Predictor("cortex-a73", "cortex-a73"),
    Predictor("cortex-a75", "cortex-a75"),
)


def compare_published(output: Path, work: Path, command: str) -> None:
    """Fill ``output``: what each predictor says of each network, and how wrong it is."""
    lines = read_results(output)
    done = {(line["network"], line["predictor"]) for line in lines}
    for predictor in PREDICTORS:
        for network in NETWORKS:
            if (network, predictor.name) in done:
                continue
            lines.append(predict(network, predictor, work))
            print(lines[-1], flush=True)
            write_document(output, lines, command)
    write_document(output, lines, command)


def predict(network: str, predictor: Predictor, work: Path) -> dict[str, Any]:
    """Instructions and cycles of one inference, and the network's multiply-accumulates."""
    make = NETWORKS[network]
    path = artefact(network, make, SIZE, RUNTIME, "fp32", work)
    images = torch.randn(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1)).numpy()
    core = replace(find_core(predictor.core), mca_cpu=predictor.model)
    target = EmulatedTarget(f"arm://{core.name}", core)
    try:
        emulation = count_artefact(target, cached_kit(), path, images)
    finally:
        target.cleanup()
    assert emulation.cycles is not None
    return {
        "network": network,
        "predictor": predictor.name,
        "cycles": emulation.cycles.cycles,
        "modelled_share": emulation.cycles.coverage,
        "instructions": emulation.instructions,
        "macs": count(make().eval(), (1, 3, SIZE, SIZE)).macs,
    }


def write_document(output: Path, lines: list[dict[str, Any]], command: str) -> None:
    """The file: lines, and the errors that follow from them."""
    write(
        output,
        {"command": command, "versions": versions(), "results": lines, "errors": errors(lines)},
    )


def errors(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One entry a phone and predictor that has all networks, multiply-accumulates first."""
    by_predictor: dict[str, dict[str, dict[str, float]]] = {}
    for line in lines:
        by_predictor.setdefault(line["predictor"], {})[line["network"]] = line
    found = []
    for phone in json.loads(FACTS.read_text(encoding="utf-8"))["phones"]:
        times: dict[str, float] = phone["latency_ms"]
        first = by_predictor.get(PREDICTORS[0].name, {})
        ways = {"multiply-accumulates": (first, "macs"), "instructions": (first, "instructions")}
        ways |= {name: (known, "cycles") for name, known in by_predictor.items()}
        for name, (known, key) in ways.items():
            if set(times) <= set(known):
                fit = fitted(phone["phone"], times, {n: known[n][key] for n in times})
                found.append({"phone": phone["phone"], "predictor": name, **fit})
    return found


def fitted(device: str, times: dict[str, float], predictor: dict[str, float]) -> dict[str, Any]:
    """A one-scale fit of milliseconds on a predictor: relative errors of each network."""
    points = [
        LatencyPoint(network=n, cycles=predictor[n], milliseconds=ms) for n, ms in times.items()
    ]
    fit = fit_latency(device, "cortex-a76", points)
    return {
        "errors": dict(zip(times, fit.errors, strict=True)),
        "leave_one_out": dict(zip(times, fit.leave_one_out, strict=True)),
        "mean_leave_one_out": fit.mean_error(),
    }


def table(document: dict[str, Any]) -> str:
    """The leave-one-out errors as Markdown."""
    names = list(NETWORKS)
    rows = ["| phone | predictor | " + " | ".join(names) + " | mean |"]
    rows.append("|---|---|" + "---:|" * (len(names) + 1))
    for entry in document["errors"]:
        cells = [f"{entry['leave_one_out'][name]:+.1%}" for name in names]
        cells.append(f"{entry['mean_leave_one_out']:.1%}")
        rows.append(f"| {entry['phone']} | {entry['predictor']} | " + " | ".join(cells) + " |")
    return "\n".join(rows)
