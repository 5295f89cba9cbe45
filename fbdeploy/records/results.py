"""``OUT/results.jsonl``: one line a finished measurement."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from export.format_info import NumberType
from fbdeploy.records import migrations
from fbdeploy.records.builds import ProgramOf
from fbdeploy.records.fields import InnerPath, Sha256
from fbdeploy.records.manifest import DatasetInfo, Format
from runtime_bench.measurement import Measurement
from stats.interval import Interval
from zoo.documents import Count, Schema, Share, migrated, validated
from zoo.json_lines import append_json_line, json_lines

if TYPE_CHECKING:
    from tasks.scores import Score

FILE_NAME = "results.jsonl"
EVALUATION_VERSION = 2


class ScoreInfo(Schema):
    """One metric of the network's task (``tasks.scores.Score``), fractions of one.

    ``reference`` is the float network's value, ``difference`` artefact minus that, ``p`` two-sided;
    null where there is nothing to compare with. Intervals are 95 %; those of evaluations made
    before they were kept are null. ``classes`` is the value of each class by itself, null of one
    that no image has; empty of metrics that are not told by class.
    """

    metric: str
    value: Share
    interval: Interval | None = None
    reference: Share | None = None
    difference: float | None = None
    difference_interval: Interval | None = None
    p: Share | None = None
    classes: tuple[Share | None, ...] = ()

    @classmethod
    def of(cls, score: Score) -> ScoreInfo:
        """What a document holds of a score."""
        return cls(
            metric=score.metric,
            value=score.value,
            interval=score.interval,
            reference=score.reference,
            difference=score.difference,
            difference_interval=score.difference_interval,
            p=score.p,
            classes=score.classes,
        )


class Comparison(Schema):
    """A classifier's artefact against the float network on the same images.

    ``kl`` is in nats; ``top1_difference`` is artefact minus float, with its 95 % interval;
    ``mcnemar_p`` is two-sided.
    """

    reference: str
    top1: Share | None = None
    agreement: Share
    kl: float
    top1_difference: float | None = None
    difference_interval: Interval | None = None
    mcnemar_p: float | None = None


class EvaluationLine(Schema):
    """Accuracy of one artefact in its own runtime. Shares are in 0..1, intervals 95 %.

    ``scores`` are the metrics of the network's task; ``top1`` to ``comparison`` repeat a
    classifier's.
    ``predictions`` is the file of its answers (``fbdeploy.records.predictions``), relative to the
    folder; evaluations of before there were such files have none and are made again. ``machine`` is
    its processor, behind the name of the cluster's host if it was one.
    """

    type: Literal["evaluation"] = "evaluation"
    schema_version: Literal[2] = 2
    key: str
    time: str
    format: Format
    precision: NumberType
    program: ProgramOf = ""
    variant: str = ""
    sha256: Sha256
    dataset: DatasetInfo
    images: Count
    scores: tuple[ScoreInfo, ...] = ()
    top1: Share | None = None
    top5: Share | None = None
    top1_interval: Interval | None = None
    comparison: Comparison | None = None
    predictions: InnerPath | None = None
    seconds: float
    machine: str = ""


Line = EvaluationLine | Measurement
_LINE: TypeAdapter[EvaluationLine | Measurement] = TypeAdapter(
    Annotated[Line, Field(discriminator="type")]
)


def read_lines(folder: Path) -> list[Line]:
    """All measurements of an output folder in the order they were made; none if there is no file.

    Raises:
        InputError: a line is not a measurement; what a killed run left at the end is none.
    """
    advice = "move the file away and deploy again"
    return [
        validated(_LINE, _current(line.value(), line.name, advice), line.name, advice)
        for line in json_lines(folder / FILE_NAME, advice)
    ]


def _current(value: Any, name: str, advice: str) -> Any:
    """A line in the form of this version; those of the first evaluations tell no version."""
    if isinstance(value, dict) and value.get("type") == "evaluation":
        value = {"schema_version": 1} | value
        return migrated(value, EVALUATION_VERSION, migrations.EVALUATION, name, advice)
    return value


def append_line(folder: Path, line: Line) -> None:
    """Add one measurement and make sure it is on the disk.

    Raises:
        InputError: the file cannot be written.
    """
    append_json_line(folder / FILE_NAME, line)
