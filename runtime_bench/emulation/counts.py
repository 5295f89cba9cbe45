"""What the instruction counter wrote: executed blocks by region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import InputError

_WORD_DIGITS = 8


@dataclass(frozen=True)
class Block:
    """A straight run of guest instructions: its address, how often it ran, its words."""

    address: int
    executions: int
    words: tuple[int, ...]

    @property
    def instructions(self) -> int:
        """Executed instructions of the block."""
        return self.executions * len(self.words)


@dataclass(frozen=True)
class Region:
    """The blocks that ran between two markers; ``identifier`` is the runner's run index."""

    identifier: int
    blocks: tuple[Block, ...]

    @property
    def instructions(self) -> int:
        """Executed instructions."""
        return sum(block.instructions for block in self.blocks)

    def hottest(self, count: int) -> tuple[Block, ...]:
        """The ``count`` blocks with most executed instructions, the hottest first."""
        order = sorted(self.blocks, key=lambda block: (-block.instructions, block.words))
        return tuple(order[:count])


def _block(line: str) -> Block:
    address, executions, digits = line.split()
    words = tuple(
        int(digits[i : i + _WORD_DIGITS], 16) for i in range(0, len(digits), _WORD_DIGITS)
    )
    return Block(int(address, 16), int(executions), words)


def read_regions(path: Path, wanted: Sequence[int] | None = None) -> dict[int, Region]:
    """The regions of a counter's file by identifier (``wanted`` ones, or all but warm-up, -1).

    Raises:
        InputError: a region is not closed, as when the emulated program died in it.
    """
    regions: dict[int, Region] = {}
    current: int | None = None
    kept = False
    blocks: list[Block] = []
    with path.open() as stream:
        for line in stream:
            if line.startswith("region "):
                current, blocks = int(line.split()[1]), []
                kept = current >= 0 if wanted is None else current in wanted
            elif line.startswith("end "):
                if kept and current is not None:
                    regions[current] = Region(current, tuple(blocks))
                current = None
            elif kept:
                blocks.append(_block(line))
    if current is not None:
        raise InputError(
            f"{path}: region {current} was not closed; the emulated program did not finish its run"
        )
    return regions
