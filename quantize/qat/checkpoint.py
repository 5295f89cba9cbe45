"""What training needs to go on where it was cut off, as one safetensors file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from zoo.files import atomic_file


@dataclass
class TrainingState:
    """How far training is: ``step`` batches are done, ``skipped`` of them without an update.

    ``best_kl`` is the lowest held-out divergence so far, nats; None: no step has beaten the program
    training started from.
    """

    step: int = 0
    skipped: int = 0
    best_kl: float | None = None
    history: list[tuple[int, float]] = field(default_factory=list)


def save_checkpoint(
    path: Path, identity: str, progress: TrainingState, tensors: dict[str, Tensor]
) -> None:
    """Write a checkpoint of the run called ``identity``, whole or not at all."""
    metadata = {"identity": identity, "progress": json.dumps(asdict(progress))}
    with atomic_file(path) as temporary:
        save_file({k: v.detach().contiguous() for k, v in tensors.items()}, temporary, metadata)


def load_checkpoint(path: Path, identity: str) -> tuple[TrainingState, dict[str, Tensor]] | None:
    """The checkpoint at ``path``; None if there is none, it is damaged, or of another run."""
    try:
        with safe_open(path, framework="pt") as stored:
            metadata = stored.metadata() or {}
            if metadata.get("identity") != identity:
                return None
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
        progress = TrainingState(**json.loads(metadata["progress"]))
    except (OSError, SafetensorError, ValueError, KeyError, TypeError):
        return None
    progress.history = [(int(step), float(kl)) for step, kl in progress.history]
    return progress, tensors
