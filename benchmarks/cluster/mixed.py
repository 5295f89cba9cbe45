"""Where the seconds of a quantization with mixed precision go, and what hosts could take of them.

    python -m benchmarks.cluster.mixed --output benchmarks/cluster/mixed.json
    python -m benchmarks.cluster.mixed --table benchmarks/cluster/mixed.json

The recipe ``ptq-mixed`` on the embedded images, as ``fbdeploy deploy`` quantizes: everything up to
the ranking of layers by what int8 does to them, the ranking, which ``fbdeploy sensitivity
--cluster`` spreads, the search among the layers ranked first, and the rest. ``--networks 1`` takes
the first alone, which is minutes; the second is half an hour.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field

from benchmarks.cluster.command import Document, main_of

NETWORKS = ("default", "mobilenetv3_small_100")
"""Embedded weights at 64 x 64 pixels, and random ones at 224 x 224."""
RECIPE, IMAGES = "ptq-mixed", "fashion-mnist-calibration"
BEFORE, RANKING, SEARCH, AFTER = "before", "ranking", "search", "after"


@dataclass
class Clock:
    """Seconds by part, told from the steps that quantization says."""

    seconds: dict[str, float] = field(default_factory=dict)
    _part: str = BEFORE
    _since: float = field(default_factory=time.monotonic)

    def progress(self, step: str, done: float) -> None:
        """``done`` of ``step``, in 0..1."""
        if step == "mixed precision" and self._part == BEFORE:
            self._begin(RANKING)
        elif step == "sensitivity" and done >= 1:
            self._begin(SEARCH)
        elif step == "mixed precision" and done >= 1 and self._part == SEARCH:
            self._begin(AFTER)

    def end(self) -> None:
        """The last part ends."""
        self._begin("")

    def _begin(self, part: str) -> None:
        now = time.monotonic()
        self.seconds[self._part] = self.seconds.get(self._part, 0.0) + now - self._since
        self._part, self._since = part, now


def parts_of(name: str) -> dict[str, float]:
    """Seconds of each part of quantizing a network."""
    from fbdeploy.pipeline.request import InputOptions
    from fbdeploy.pipeline.steps.images import read_images
    from fbdeploy.pipeline.steps.opening import open_network, worker_threads
    from quantize.ptq import quantize
    from quantize.recipe import load_recipe
    from zoo.datasets import open_pictures

    recipe = load_recipe(RECIPE)
    network = open_network(name, None, None, InputOptions())
    pictures = open_pictures(network.task, IMAGES)
    count = recipe.calibration.images
    images = read_images(pictures, network, count, worker_threads(), lambda read: None)
    clock = Clock()
    quantize(network, images, recipe, clock.progress)
    clock.end()
    return clock.seconds


def table(document: Document) -> str:
    """Markdown: a network a line."""
    lines = [
        "| network | all, s | before | ranking | search | after |",
        "|---|---|---|---|---|---|",
    ]
    for name, found in document["seconds"].items():
        whole = sum(found.values())
        shares = " | ".join(
            f"{found[part] / whole:.0%}" for part in (BEFORE, RANKING, SEARCH, AFTER)
        )
        lines.append(f"| {name} | {whole:.0f} | {shares} |")
    return "\n".join(lines)


def measured(given: argparse.Namespace) -> Document:
    """Seconds by network and part, on this machine."""
    names = NETWORKS[: given.networks]
    return {"recipe": RECIPE, "seconds": {name: parts_of(name) for name in names}}


def main() -> None:
    """Command line: see the module's docstring."""
    main_of(__doc__, table, measured, networks=len(NETWORKS))


if __name__ == "__main__":
    main()
