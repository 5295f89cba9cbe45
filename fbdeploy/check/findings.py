"""What the regression check says: a finding a measure and artefact, and the whole document."""

from __future__ import annotations

from typing import Literal

from export.format_info import NumberType
from fbdeploy.check.rules import Measure, Rules
from fbdeploy.records.builds import ProgramOf, build_of
from fbdeploy.records.manifest import Format
from stats.interval import Interval
from zoo.documents import Schema

Verdict = Literal["PASS", "REGRESSED", "NOISY", "INCOMPARABLE", "MISSING", "NEW"]


class ClassDrop(Schema):
    """One class whose top-1 regressed; shares in 0..1."""

    index: int
    name: str
    images: int
    before: float
    after: float
    adjusted_p: float


class Finding(Schema):
    """One measure of one artefact, before (the baseline) and after (the output folder).

    ``change`` is after minus before for shares (0..1) and partitions, after over before minus 1 for
    bytes, milliseconds and instructions; ``change_interval`` its 95 % interval; ``limit`` what the
    change is held against, in the same unit. ``p_value`` is one-sided, of no change for the worse;
    ``adjusted_p`` the same after weighted Holm over all tests of the check. ``detectable`` is the
    change that this data would show 95 times in 100. ``failed``: this finding alone makes the
    check fail.
    """

    measure: Measure
    subject: str = ""
    verdict: Verdict
    failed: bool
    before: float | None = None
    after: float | None = None
    change: float | None = None
    change_interval: Interval | None = None
    limit: float | None = None
    p_value: float | None = None
    adjusted_p: float | None = None
    detectable: float | None = None
    classes: tuple[ClassDrop, ...] = ()
    reason: str = ""


class ArtefactReport(Schema):
    """All findings about one artefact."""

    format: Format
    precision: NumberType
    program: ProgramOf = ""
    variant: str = ""
    findings: tuple[Finding, ...]

    @property
    def name(self) -> str:
        """Such as ``onnx int8``."""
        build = build_of(self.precision, self.program)
        return " ".join(part for part in (self.format, build, self.variant) if part)


class CheckReport(Schema):
    """``check --json``. ``verdict``: PASS, REGRESSED, or INCOMPARABLE where a required measure is
    (INCOMPARABLE or NOISY); only PASS is exit code 0. ``headline`` is what ``accuracy`` is of this
    network, in words.
    """

    schema_version: Literal[1] = 1
    verdict: Literal["PASS", "REGRESSED", "INCOMPARABLE"]
    baseline_created: str
    network: str
    headline: str = "top-1"
    rules: Rules
    artefacts: tuple[ArtefactReport, ...]
    notes: tuple[str, ...] = ()

    def count(self, verdict: Verdict) -> int:
        """How many findings have this verdict."""
        return sum(f.verdict == verdict for entry in self.artefacts for f in entry.findings)
