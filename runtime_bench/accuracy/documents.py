"""``evaluate --json``."""

from __future__ import annotations

from typing import TypedDict

from runtime_bench.accuracy.comparison import Agreement
from runtime_bench.accuracy.evaluation import Evaluation
from stats.interval import Interval
from tasks.scores import Score


class ReferenceDocument(TypedDict):
    """The ``reference`` of ``evaluate --json``; what is a classifier's is null for other tasks."""

    top1: float | None
    agreement: float
    kl: float | None
    top1_difference: float | None
    difference_interval: Interval | None
    mcnemar_p: float | None


class ScoreDocument(TypedDict):
    """One metric, see ``tasks.scores.Score``."""

    metric: str
    value: float
    interval: Interval
    reference: float | None
    difference: float | None
    difference_interval: Interval | None
    p: float | None
    classes: list[float | None]


class EvaluationDocument(TypedDict):
    """``evaluate --json``; ``reference`` is null where none was asked for."""

    artefact: str
    format: str
    precision: str | None
    images: int
    scores: list[ScoreDocument]
    top1: float | None
    top5: float | None
    top1_interval: Interval | None
    reference: ReferenceDocument | None


def document(
    artefact: str,
    format: str,
    precision: str | None,
    evaluation: Evaluation,
    agreement: Agreement | None = None,
) -> EvaluationDocument:
    """The document of ``evaluate --json``."""
    reference: ReferenceDocument | None = None
    if agreement is not None:
        reference = {
            "top1": agreement.reference_top1,
            "agreement": agreement.agreement,
            "kl": agreement.kl,
            "top1_difference": agreement.top1_difference,
            "difference_interval": agreement.difference_interval,
            "mcnemar_p": agreement.mcnemar_p,
        }
    return {
        "artefact": artefact,
        "format": format,
        "precision": precision,
        "images": evaluation.images,
        "scores": [_score(score) for score in (agreement or evaluation).scores],
        "top1": evaluation.top1,
        "top5": evaluation.top5,
        "top1_interval": evaluation.top1_interval,
        "reference": reference,
    }


def _score(score: Score) -> ScoreDocument:
    return {
        "metric": score.metric,
        "value": score.value,
        "interval": score.interval,
        "reference": score.reference,
        "difference": score.difference,
        "difference_interval": score.difference_interval,
        "p": score.p,
        "classes": list(score.classes),
    }
