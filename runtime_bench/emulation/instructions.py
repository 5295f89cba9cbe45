"""Classes of AArch64 instructions, decoded from their words by ``instruction_classes.toml``."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Any

from runtime_bench.emulation.counts import Block

UNKNOWN = "unknown"


@cache
def _table() -> dict[str, Any]:
    text = resources.files(__package__).joinpath("instruction_classes.toml").read_text()
    return tomllib.loads(text)


@cache
def _patterns() -> tuple[tuple[int, int, str], ...]:
    return tuple((row["mask"], row["value"], row["class"]) for row in _table()["pattern"])


def class_names() -> tuple[str, ...]:
    """Every class of the table, each once, in the table's order."""
    return tuple(dict.fromkeys(name for _, _, name in _patterns()))


def macs_per_instruction() -> dict[str, int]:
    """Multiply-accumulates of one 128-bit instruction, for the classes that make products."""
    return dict(_table()["macs"])


@cache
def classify(word: int) -> str:
    """The class of one instruction word (32 bits), ``unknown`` for an unallocated encoding."""
    for mask, value, name in _patterns():
        if word & mask == value:
            return name
    return UNKNOWN


def count_classes(blocks: Iterable[Block]) -> dict[str, int]:
    """Executed instructions by class, the largest class first."""
    total: Counter[str] = Counter()
    for block in blocks:
        for name, count in Counter(map(classify, block.words)).items():
            total[name] += count * block.executions
    return dict(total.most_common())
