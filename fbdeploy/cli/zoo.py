"""``fbdeploy zoo``: the networks there are."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fbdeploy.cli import options
from fbdeploy.cli.output import only_result_on_stdout
from fbdeploy.cli.types import paths
from fbdeploy.report.numbers import UNKNOWN, significant
from fbdeploy.report.table import table

if TYPE_CHECKING:
    from zoo.catalogue import CatalogueEntry

WEIGHTS_WORDS = {
    "embedded": "embedded",
    "cached": "at hand",
    "download": "to download",
    "none": UNKNOWN,
}


def zoo(
    network: Annotated[
        str | None,
        typer.Argument(
            parser=paths.network,
            metavar="NETWORK",
            help="Show one network in full, with counted figures.",
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """List networks with parameters, MACs, published accuracy and weights at hand; or show one.

    timm's other names can be deployed too. Parameters and MACs of the list are the published ones,
    in millions; those of one network are counted.

    Example:  fbdeploy zoo FBNetV3_A
    """
    with only_result_on_stdout() as result:
        from zoo.names import UNPUBLISHED, resolve

        if network is not None and all(network != one.name for one in UNPUBLISHED):
            resolve(network)  # a name that there is not is told at once
        from zoo.catalogue import catalogue

        if network is not None:
            shown = _one(network)
            if as_json:
                result.json(shown)
            else:
                result.text(_card(shown))
            return
        entries = catalogue()
        if as_json:
            rows = [dataclasses.asdict(entry) for entry in entries]
            result.json({"networks": rows})
        else:
            result.text(_table(entries))


def _one(name: str) -> dict[str, Any]:
    """What is known of one network, by its name or an alias; timm's unlisted ones are counted."""
    from zoo.catalogue import catalogue, count_entry

    for entry in catalogue():
        if name == entry.name or name in entry.aliases:
            counts = count_entry(entry)
            counted = dataclasses.asdict(counts) if counts else None
            return {**dataclasses.asdict(entry), "counted": counted}
    from zoo.counting import count
    from zoo.networks import load_network

    loaded = load_network(name)
    counts = count(loaded.module, loaded.input_spec.shape)
    return {
        "name": name,
        "source": loaded.source,
        "input_size": loaded.input_spec.height,
        "num_classes": loaded.num_classes,
        "counted": dataclasses.asdict(counts),
    }


def _table(entries: tuple[CatalogueEntry, ...]) -> str:
    rows = []
    for entry in entries:
        numbers = (entry.published_params_m, entry.published_macs_m)
        params, macs = (UNKNOWN if n is None else f"{significant(n)} M" for n in numbers)
        weights = WEIGHTS_WORDS[entry.weights]
        if not entry.available:
            weights = "figures only: its architecture was never published"
        size = f"{entry.input_size}"
        rows.append((entry.name, size, params, macs, _accuracy(entry), weights))
    titles = ("network", "input", "params", "MACs", "top-1 %", "weights")
    return table(titles, rows, left=(0, 5))


def _accuracy(entry: CatalogueEntry) -> str:
    """The published top-1, or what else a network for another task is told by."""
    if entry.published_miou is not None:
        return f"mIoU {entry.published_miou:g}"
    if entry.published_ap is not None:
        return f"AP {entry.published_ap:g}"
    return UNKNOWN if entry.published_top1 is None else f"{entry.published_top1:.4g}"


def _card(shown: dict[str, Any]) -> str:
    lines = []
    for name, value in shown.items():
        if name == "counted":
            counted = value or {}
            lines += [f"{key.replace('_', ' ')}, counted: {n:,}" for key, n in counted.items()]
        elif value not in (None, ()):
            text = ", ".join(value) if isinstance(value, tuple) else value
            lines.append(f"{name.replace('_', ' ')}: {text}")
    return "\n".join(lines)
