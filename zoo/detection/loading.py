"""An FBNetV3 detector by name, with weights from a file or random ones."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import torch

from zoo.checkpoints import load_into, read_states
from zoo.checkpoints.unwrapping import Stored
from zoo.detection.config import (
    DetectorOptions,
    DetectorTable,
    detector_names,
    find_detector,
    with_masks,
)
from zoo.detection.fbnetv3 import FBNetV3Detector
from zoo.detection.layouts import DetectorLayout, State, is_folded, translate
from zoo.detection.stored import read_stored
from zoo.errors import InputError, shown

SCORES = "box_head.scores.weight"
"""Of every detector of ours: (classes + 1, channels)."""


@dataclass(frozen=True)
class LoadedDetector:
    """A detector in evaluation mode; ``layout`` is that of its file, None for random weights."""

    module: FBNetV3Detector
    layout: DetectorLayout | None


def load_detector(
    name: str,
    weights: Path | None = None,
    *,
    options: DetectorOptions | None = None,
    size: tuple[int, int] | None = None,
    seed: int = 0,
) -> LoadedDetector:
    """Build an FBNetV3 detector and load its weights.

    Where a file's normalization is folded into its convolutions, so is the module's; without
    ``options`` it has as many classes as the file.

    Args:
        name: of ``detector_tables()``, with ``_mask`` behind it for one with a mask head.
        weights: a ``.safetensors`` or ``.pth`` file of a layout that ``layouts`` knows; None:
            random ones.
        options: what is chosen of it; None: d2go's.
        size: height and width of its input in pixels; None: the table's.
        seed: of random weights.

    Raises:
        InputError: no such detector, options that do not fit it, or a file that cannot be read or
            does not fit.
    """
    found = find_detector(name)
    if found is None:
        known = ", ".join(detector_names())
        raise InputError(f"{name}: no such detector; there are {known}")
    table, masks = found
    chosen = with_masks(options or DetectorOptions(), masks)
    state: State = {}
    layout: DetectorLayout | None = None
    if weights is not None:
        state, layout = read_detector(weights, table)
        chosen = suited(chosen, state, any_classes=options is None)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = FBNetV3Detector(table, chosen, size)
    if weights is not None:
        load_into(module, state, origin=str(weights), network=name)
    return LoadedDetector(module.eval(), layout)


@dataclass(frozen=True)
class DetectorWeights:
    """What a file of weights tells: its ``state`` in our own names, the ``options`` that a network
    for it has, and, where the file says so itself, the input's ``size`` (height, width) and the
    ``labels`` of its classes."""

    state: State
    options: DetectorOptions
    size: tuple[int, int] | None = None
    labels: tuple[str, ...] = ()


def read_weights(
    path: Path, table: DetectorTable | None, options: DetectorOptions
) -> DetectorWeights:
    """Those of a detector of ``table``, or of the embedded one where that is None; ``options`` are
    changed by what the file has. The state is empty where the file has none of the embedded one.

    Raises:
        InputError: the file cannot be read, or holds none of an FBNetV3 detector.
    """
    if table is not None:
        state, _ = read_detector(path, table)
    else:
        state = next((s.state for s in read_states(path) if SCORES in s.state), {})
    options = suited(options, state, any_classes=True)
    told = read_stored(path)
    if told is None:
        return DetectorWeights(state, options)
    options = dataclasses.replace(options, **told.options)
    return DetectorWeights(state, options, told.size, told.labels)


def suited(options: DetectorOptions, state: State, *, any_classes: bool) -> DetectorOptions:
    """``options`` with the normalization that a state in our own names has, folded or not, and its
    number of classes if any will do."""
    if is_folded(state):
        options = dataclasses.replace(options, norm="folded")
    scores = state.get(SCORES)
    if any_classes and scores is not None and len(scores) > 1:
        options = dataclasses.replace(options, classes=len(scores) - 1)
    return options


def read_detector(path: Path, table: DetectorTable) -> tuple[State, DetectorLayout]:
    """The likeliest state of a file that is a detector's at all, in our own names.

    Raises:
        InputError: the file cannot be read, or holds none.
    """
    stored = read_states(path)
    try:
        candidates = [translate(entry.state, table) for entry in map(_unwrapped, stored)]
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    for state, layout in candidates:
        if SCORES in state:
            return state, layout
    nearest = next(iter(candidates[0][0]))
    raise InputError(
        f"{path}: holds no detector's weights (but {shown(nearest)}); give a state dict of "
        f"{table.name} in d2go's names or ours"
    )


def _unwrapped(stored: Stored) -> Stored:
    """Without what DistributedDataParallel puts in front of every name."""
    if not all(name.startswith("module.") for name in stored.state):
        return stored
    return Stored(
        stored.where, {name.removeprefix("module."): t for name, t in stored.state.items()}
    )
