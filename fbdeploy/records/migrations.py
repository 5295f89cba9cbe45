"""Documents of earlier versions in the form of this one: a function a version and document."""

from __future__ import annotations

from typing import Any

from zoo.documents import Migrations

Document = dict[str, Any]
LOGITS_MEANING = "logits of the classes"


def _manifest_1(document: Document) -> Document:
    """Version 1 knew classifiers alone."""
    network = document["network"]
    output = {
        "name": "logits",
        "shape": [1, network["num_classes"]],
        "meaning": LOGITS_MEANING,
    }
    return document | {"network": network | {"task": "classification", "outputs": [output]}}


def _evaluation_1(line: Document) -> Document:
    """Version 1 told a classifier's figures one by one."""
    compared = line.get("comparison") or {}
    scores = []
    if line.get("top1") is not None:
        scores.append(
            {
                "metric": "top1",
                "value": line["top1"],
                "interval": line.get("top1_interval"),
                "reference": compared.get("top1"),
                "difference": compared.get("top1_difference"),
                "difference_interval": compared.get("difference_interval"),
                "p": compared.get("mcnemar_p"),
            }
        )
    if line.get("top5") is not None:
        scores.append({"metric": "top5", "value": line["top5"]})
    if compared.get("agreement") is not None:
        scores.append({"metric": "agreement", "value": compared["agreement"]})
    return line | {"scores": scores}


MANIFEST: Migrations = {1: _manifest_1}
EVALUATION: Migrations = {1: _evaluation_1}
