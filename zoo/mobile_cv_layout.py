"""Names of FBNet tensors in mobile_cv checkpoints (facebookresearch/mobile-vision), both ways.

There a block is ``backbone.stages.xif<stage>_<block>``; an inverted residual holds ``pw``, ``dw``,
``se`` and ``pwl``; the classifier is ``head.conv``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from zoo.architecture import Architecture, BlockOp

_INVERTED_RESIDUAL = {
    "layers.expand": "pw",
    "layers.depthwise": "dw",
    "layers.se.reduce": "se.se.0.conv",
    "layers.se.expand": "se.se.1",
    "layers.project": "pwl",
}
# A skip that changes the channels wraps its conv+BN once more; ``conv.`` and ``bn.`` begin names.
_PARTS: dict[BlockOp, dict[str, str]] = {
    "conv": {"conv": "conv", "bn": "bn"},
    "skip": {"conv": "conv.conv", "bn": "conv.bn"},
    "ir": _INVERTED_RESIDUAL,
    "ir_pool": {"expand": "pw", "conv": "pwl.conv"},
}


def is_mobile_cv(names: Mapping[str, object]) -> bool:
    """Whether the names of a state dict are mobile_cv's."""
    return any(re.match(r"backbone\.stages\.xif\d+_\d+\.", name) for name in names)


def from_mobile_cv(state: Mapping[str, Tensor], architecture: Architecture) -> dict[str, Tensor]:
    """Translate names to ours; a name that is not mobile_cv's is kept, to be reported."""
    pairs = _prefixes(architecture)
    return {
        _translate(name, {theirs: ours for ours, theirs in pairs}): t for name, t in state.items()
    }


def to_mobile_cv(state: Mapping[str, Tensor], architecture: Architecture) -> dict[str, Tensor]:
    """Translate our names to mobile_cv's; a name that is not ours is kept."""
    pairs = _prefixes(architecture)
    return {_translate(name, dict(pairs)): tensor for name, tensor in state.items()}


def _prefixes(architecture: Architecture) -> list[tuple[str, str]]:
    """Pairs (ours, mobile_cv's) of name prefixes, each ending where a tensor's own name begins."""
    pairs = [("classifier", "head.conv")]
    for stage, rows in enumerate(architecture.stages):
        blocks = [row.op for row in rows for _ in range(row.n)]
        for index, op in enumerate(blocks):
            for ours, theirs in _PARTS[op].items():
                pairs.append(
                    (
                        f"stages.{stage}.{index}.{ours}",
                        f"backbone.stages.xif{stage}_{index}.{theirs}",
                    )
                )
    return pairs


def _translate(name: str, prefixes: Mapping[str, str]) -> str:
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        prefix = ".".join(parts[:length])
        if prefix in prefixes:
            return ".".join([prefixes[prefix], *parts[length:]])
    return name
