"""What a search for operators to leave in float has found out, and what it still has to.

A search that is given its earlier findings asks nothing twice, so it can end at any question and go
on in another process, by the same steps to the same choice. Within a round no trial depends on
another: processes may find them out at the same time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from zoo.documents import Schema

OVERHEAD_SECONDS = 30.0
"""What it costs to find something out elsewhere: two processes more, one that does and one that
goes on from there. benchmarks/cluster/search.py measures it."""

Operators = frozenset[str]
"""Nodes of a graph by name."""


class Rank(Schema):
    """What the layer at ``position``, from 0, is ranked by: divergences in nats of
    :class:`quantize.analysis.sensitivity.LayerSensitivity`."""

    position: int
    kl_alone: float
    kl_without: float


class Trial(Schema):
    """The divergence, in nats, of a program with ``operators`` in float."""

    operators: tuple[str, ...]
    kl: float


class Figures(Schema):
    """Findings as they are stored: ``trials`` are on the images that choose, ``judged`` on those
    held out. ``seconds`` are those of the process that found them out."""

    seconds: float = 0.0
    ranks: tuple[Rank, ...] = ()
    trials: tuple[Trial, ...] = ()
    judged: tuple[Trial, ...] = ()


class Question(Schema):
    """Layers to rank, by position, or operators to try in float, one figure each."""

    positions: tuple[int, ...] = ()
    choices: tuple[tuple[str, ...], ...] = ()

    def shares(self, count: int) -> list[Question]:
        """At most ``count`` questions that are this one together. Each has some of the first
        layers, which take longest: all behind them runs again."""
        found = [
            Question(positions=self.positions[number::count], choices=self.choices[number::count])
            for number in range(count)
        ]
        return [one for one in found if one.positions or one.choices]


class Unfinished(Exception):
    """The search ends at ``question``, which other processes answer sooner."""

    def __init__(self, question: Question) -> None:
        super().__init__("a search waits for its figures")
        self.question = question


@dataclass
class Findings:
    """What is known so far, in nats; ``processes`` can find something out at the same time.

    ``seconds`` are those of all processes before this one."""

    ranks: dict[int, Rank] = field(default_factory=dict)
    trials: dict[Operators, float] = field(default_factory=dict)
    judged: dict[Operators, float] = field(default_factory=dict)
    processes: int = 1
    seconds: float = 0.0

    def add(self, figures: Figures) -> None:
        """Learn what was stored."""
        self.seconds += figures.seconds
        self.ranks |= {rank.position: rank for rank in figures.ranks}
        self.trials |= {frozenset(trial.operators): trial.kl for trial in figures.trials}
        self.judged |= {frozenset(trial.operators): trial.kl for trial in figures.judged}

    def figures(self, seconds: float) -> Figures:
        """What is to be stored by a process that took ``seconds``."""
        return Figures(
            seconds=seconds,
            ranks=tuple(self.ranks.values()),
            trials=_trials(self.trials),
            judged=_trials(self.judged),
        )

    def ask_for_ranks(self, positions: Sequence[int], seconds: float) -> None:
        """Of layers that take ``seconds`` together here.

        Raises:
            Unfinished: other processes are the sooner, by more than they cost.
        """
        if positions and self._pays(seconds):
            raise Unfinished(Question(positions=tuple(positions)))

    def ask_for_trials(self, choices: Sequence[Operators], seconds: float) -> None:
        """Of choices that take ``seconds`` together here; raises as :meth:`ask_for_ranks`."""
        if choices and self._pays(seconds):
            raise Unfinished(Question(choices=tuple(tuple(sorted(one)) for one in choices)))

    def _pays(self, seconds: float) -> bool:
        return seconds * (1 - 1 / self.processes) > OVERHEAD_SECONDS


def _trials(found: dict[Operators, float]) -> tuple[Trial, ...]:
    return tuple(Trial(operators=tuple(sorted(one)), kl=kl) for one, kl in found.items())
