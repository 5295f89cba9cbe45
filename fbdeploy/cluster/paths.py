"""Which arguments of a job are paths, and how they are told on the other machine."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from zoo.documents import parse_json

WITHIN = (("folder",), ("work",), ("request", "output"))
"""Arguments that name the output folder or a place in it."""
OUTSIDE = (
    ("request", "network"),
    ("request", "weights"),
    ("request", "data"),
    ("request", "calibration"),
    ("request", "recipe"),
    ("scoring", "artefact"),
    ("scoring", "reference"),
    ("scoring", "data"),
    ("target", "latency_model"),
    ("target", "runners"),
)
"""Arguments that name something outside; what is no path, such as a zoo name, is left alone."""
Arguments = dict[str, JsonValue]


def output_of(arguments: Mapping[str, Any]) -> Path:
    """The output folder that a job reads from and writes to."""
    found = _get(arguments, ("folder",)) or _get(arguments, ("request", "output"))
    assert isinstance(found, str), "a job names its output folder"
    return Path(found)


def outside(arguments: Mapping[str, Any]) -> dict[str, Path]:
    """What the arguments name outside the output folder and is there: as given -> its path.

    A network ``FILE.py:FUNCTION`` is given so, and its path is the file's.
    """
    found = {}
    for keys in OUTSIDE:
        given = _get(arguments, keys)
        if not isinstance(given, str):
            continue
        path = Path(given.rpartition(":")[0] if keys[-1] == "network" else given)
        if (keys[-1] != "network" or path.suffix == ".py") and path.exists():
            found[given] = path
    return found


def elsewhere(
    arguments: Arguments, folder: tuple[str, str], inputs: Mapping[str, str]
) -> Arguments:
    """The arguments as they are on another machine.

    Args:
        arguments: the job's.
        folder: the output folder's name here, and there.
        inputs: what ``outside`` found, as given -> its path there.
    """
    moved: dict[str, Any] = copy.deepcopy(arguments)
    here, there = folder
    for keys in WITHIN:
        given = _get(moved, keys)
        if isinstance(given, str) and (given == here or given.startswith(here + "/")):
            _set(moved, keys, there + given[len(here) :])
    for keys in OUTSIDE:
        given = _get(moved, keys)
        if isinstance(given, str) and given in inputs:
            function = ":" + given.rpartition(":")[2] if keys[-1] == "network" else ""
            _set(moved, keys, inputs[given] + function)
    return moved


def told_here(document: str, names: Mapping[str, str]) -> Any:
    """JSON from there with every path in its texts as it is named here.

    Args:
        document: JSON text.
        names: paths there -> names here.
    """
    ordered = sorted(names.items(), key=lambda item: len(item[0]), reverse=True)

    def translated(value: Any) -> Any:
        if isinstance(value, str):
            for there, here in ordered:
                value = value.replace(there, here)
            return value
        if isinstance(value, dict):
            return {key: translated(one) for key, one in value.items()}
        if isinstance(value, list):
            return [translated(one) for one in value]
        return value

    return translated(parse_json(document, "an event", "send it again"))


def _get(arguments: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    value: Any = arguments
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _set(arguments: dict[str, Any], keys: tuple[str, ...], value: str) -> None:
    *parents, last = keys
    place = arguments
    for key in parents:
        place = place[key]
    place[last] = value
