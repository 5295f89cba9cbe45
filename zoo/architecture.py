"""FBNet architectures as data: the TOML tables of ``zoo/architectures`` read into dataclasses.

A network is a list of stages, a stage a list of block rows. A row's keys:

========  ==========================================================================
``op``    ``conv`` (conv+BN+act), ``ir`` (inverted residual), ``skip`` (identity, or a
          1x1 conv+BN+ReLU where the channels change), ``ir_pool`` (expand, global
          average pool, 1x1 conv + act: the efficient last stage of FBNetV2/V3)
``k``     kernel size of ``conv`` and of the depthwise conv of ``ir``
``c``     output channels
``s``     stride of the first repeat (default 1); further repeats have stride 1
``n``     repeats (default 1)
``e``     expansion: hidden = round_channels(in * e, width_divisor)
``act``   ``relu`` or ``hswish``
``se``    squeeze-excite with a hard-sigmoid gate; the bottleneck is a quarter of the
          ``expanded`` width (FBNetV2) or of the block ``input`` width (FBNetV3)
``bias``  conv bias in front of BN (mobile_cv leaves it on in stems and FBNetV1)
``dw_padding``      padding of the depthwise conv where it is not k // 2
``dw_group_width``  channels per group of the middle conv where it is not depthwise
``pw_groups``       groups of the two pointwise convs, with a channel shuffle between them
========  ==========================================================================
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

Activation = Literal["relu", "hswish"]
BlockOp = Literal["conv", "ir", "skip", "ir_pool"]
SqueezeBase = Literal["expanded", "input"]

FAMILIES = ("fbnetv1", "fbnetv2", "dmasking", "fbnetv3")


@dataclass(frozen=True)
class Block:
    """One row of an architecture table; the module docstring explains every field."""

    op: BlockOp
    c: int
    k: int = 1
    s: int = 1
    n: int = 1
    e: float = 1.0
    act: Activation = "relu"
    se: SqueezeBase | None = None
    bias: bool = False
    dw_padding: int | None = None
    dw_group_width: int = 1
    pw_groups: int = 1


@dataclass(frozen=True)
class Published:
    """Published figures of a network: millions of parameters and MACs, accuracies in percent.

    ``params_m`` counts conv and linear kernels only; ``macs_m`` counts their multiply-accumulates
    plus the input elements of every global average pool. ``resize`` is the shorter side before the
    centre crop, in pixels.
    """

    params_m: float
    macs_m: float
    top1: float
    top5: float
    resize: int | None = None


@dataclass(frozen=True)
class Architecture:
    """A whole network: ``stages`` of rows, the input size in pixels, and what was published."""

    name: str
    family: str
    input_size: int
    width_divisor: int
    stages: tuple[tuple[Block, ...], ...]
    zero_init_last_bn: bool = False
    published: Published | None = None
    weights_url: str | None = None


def round_channels(value: float, divisor: int) -> int:
    """The multiple of ``divisor`` nearest to ``value`` (half up), at least 95 % of it."""
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    if rounded < 0.95 * value:
        rounded += divisor
    return rounded


def _parse(name: str, family: str, table: dict[str, Any]) -> Architecture:
    fields = dict(table)
    stages = tuple(tuple(Block(**row) for row in rows) for rows in fields.pop("stages"))
    published = fields.pop("published", None)
    return Architecture(
        name=name,
        family=family,
        stages=stages,
        published=Published(**published) if published else None,
        **fields,
    )


@cache
def architectures() -> dict[str, Architecture]:
    """Every FBNet the tables define, by its published name (``FBNetV2_F1``, ``fbnet_a``, ...)."""
    found: dict[str, Architecture] = {}
    for family in FAMILIES:
        path = resources.files("zoo") / "architectures" / f"{family}.toml"
        for name, table in tomllib.loads(path.read_text(encoding="utf-8")).items():
            found[name] = _parse(name, family, table)
    return found
