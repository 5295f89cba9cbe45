"""What two output folders have in common and where they differ, artefact by artefact."""

from __future__ import annotations

from typing import Literal

from export.format_info import NumberType
from fbdeploy.records.builds import Build, ProgramOf, build_of
from fbdeploy.records.manifest import Format
from fbdeploy.records.results import ScoreInfo
from fbdeploy.records.rows import LatencyPercentiles
from stats.interval import Interval
from zoo.documents import Count, Schema, Share
from zoo.outputs import TaskName


class Side(Schema):
    """One folder: its network and what it was scored on; ``path`` is as it was given."""

    path: str
    network: str
    fbdeploy_version: str
    updated: str
    recipe: str = ""
    images: Count | None = None


class Figures(Schema):
    """An artefact's figures in one of the folders. What was not measured is null."""

    bytes: Count
    int8_share: Share | None
    score: Share | None
    agreement: Share | None
    latency_ms: LatencyPercentiles | None
    target: str | None
    threads: int | None


class Speed(Schema):
    """Median latency of the second over that of the first, with its 95 % interval, which holds that
    two sessions of one machine differ by chance; ``faster`` is +1, -1, or 0 where it cannot be
    told."""

    ratio: float
    interval: Interval
    faster: Literal[-1, 0, 1]


class ComparedArtefact(Schema):
    """One artefact; ``first`` or ``second`` is null where that folder has none.

    ``score`` and ``agreement`` are the second's, with the first as their reference, on the same
    images; null where they cannot be paired. ``notes`` say why something could not be told.
    """

    format: Format
    precision: NumberType
    program: ProgramOf
    variant: str
    first: Figures | None
    second: Figures | None
    score: ScoreInfo | None = None
    agreement: ScoreInfo | None = None
    speed: Speed | None = None
    notes: tuple[str, ...] = ()

    @property
    def build(self) -> Build:
        """Precision and program in one word."""
        return build_of(self.precision, self.program)


class DeploymentComparison(Schema):
    """The document of ``compare --json``; ``notes`` are of the deployments as a whole."""

    schema_version: Literal[1] = 1
    first: Side
    second: Side
    task: TaskName
    artefacts: tuple[ComparedArtefact, ...]
    notes: tuple[str, ...] = ()
