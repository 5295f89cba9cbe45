"""Documents of earlier versions in the form of this one: a function a document and version.

They take what a file holds, before it is validated, and leave what they do not know as it is.
"""

from __future__ import annotations

from typing import Any

from zoo.documents import Migrations

Document = dict[str, Any]


def _manifest_1(document: Document) -> Document:
    """Version 1 knew classifiers alone, and did not say so."""
    network = document.get("network")
    if not isinstance(network, dict) or "num_classes" not in network:
        return document
    output = {
        "name": "logits",
        "shape": [1, network["num_classes"]],
        "meaning": "logits of the classes",
    }
    return document | {"network": network | {"task": "classification", "outputs": [output]}}


def _evaluation_1(line: Document) -> Document:
    """Version 1 told a classifier's figures one by one."""
    compared = line.get("comparison")
    compared = compared if isinstance(compared, dict) else {}
    top1 = {
        "metric": "top1",
        "value": line.get("top1"),
        "interval": line.get("top1_interval"),
        "reference": compared.get("top1"),
        "difference": compared.get("top1_difference"),
        "difference_interval": compared.get("difference_interval"),
        "p": compared.get("mcnemar_p"),
    }
    top5 = {"metric": "top5", "value": line.get("top5")}
    agreement = {"metric": "agreement", "value": compared.get("agreement")}
    told = [score for score in (top1, top5, agreement) if score["value"] is not None]
    return line | {"scores": told}


MANIFEST: Migrations = {1: _manifest_1}
EVALUATION: Migrations = {1: _evaluation_1}
