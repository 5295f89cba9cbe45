"""What a file of a detector's weights tells beside them: its options, input and classes.

None of it can be found in the tensors. It is in the header of the safetensors file, as JSON.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from zoo.detection.two_stage import TwoStageDetector

KEY = "fbdeploy.detector"
_WHOLE = ("box_pooler_resolution", "mask_pooler_resolution", "pre_nms", "post_nms")


@dataclass(frozen=True)
class StoredDetector:
    """``options`` are some of ``DetectorOptions``; ``size`` is height and width in pixels."""

    options: dict[str, Any]
    size: tuple[int, int]
    labels: tuple[str, ...]


def write_detector(path: Path, module: TwoStageDetector, labels: tuple[str, ...]) -> None:
    """Write a detector's weights, and what they do not tell of it."""
    chosen = {name: getattr(module.options, name) for name in _WHOLE}
    told = {
        "options": {name: value for name, value in chosen.items() if value is not None},
        "size": [module.height, module.width],
        "labels": list(labels),
    }
    state = {name: tensor.cpu().contiguous() for name, tensor in module.state_dict().items()}
    save_file(state, path, {KEY: json.dumps(told)})


def read_stored(path: Path) -> StoredDetector | None:
    """What ``write_detector`` told; None: the file is another's, or tells nothing sound."""
    try:
        with safe_open(path, "pt") as file:
            told = json.loads((file.metadata() or {}).get(KEY, "null"))
    except (OSError, SafetensorError, ValueError):
        return None
    return _checked(told)


def _checked(told: Any) -> StoredDetector | None:
    if not isinstance(told, dict):
        return None
    options, size, labels = (told.get(key) for key in ("options", "size", "labels"))
    if not isinstance(options, dict) or not isinstance(size, list) or not isinstance(labels, list):
        return None
    sound = (
        len(size) == 2
        and all(type(side) is int and 0 < side <= 4096 for side in size)
        and all(
            key in _WHOLE and type(value) is int and value > 0 for key, value in options.items()
        )
        and all(isinstance(label, str) for label in labels)
    )
    return StoredDetector(options, (size[0], size[1]), tuple(labels)) if sound else None
