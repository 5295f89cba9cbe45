"""Accuracy of an artefact in its own runtime, and against another one on the same images."""

from runtime_bench.accuracy.comparison import Agreement, compare, mean_kl, with_targets
from runtime_bench.accuracy.documents import (
    EvaluationDocument,
    ReferenceDocument,
    ScoreDocument,
    document,
)
from runtime_bench.accuracy.evaluation import Evaluation, evaluate, evaluate_together
from runtime_bench.accuracy.keeping import load_answers, save_answers
from runtime_bench.accuracy.merging import merged

__all__ = [
    "Agreement",
    "Evaluation",
    "EvaluationDocument",
    "ReferenceDocument",
    "ScoreDocument",
    "compare",
    "document",
    "evaluate",
    "evaluate_together",
    "load_answers",
    "mean_kl",
    "merged",
    "save_answers",
    "with_targets",
]
