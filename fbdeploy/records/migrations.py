"""Documents of earlier versions in the form of this one: a function a document and version.

They take what a file holds, before it is validated, and leave what they do not know as it is.
"""

from __future__ import annotations

from typing import Any

from zoo.documents import Migrations

Document = dict[str, Any]


PROGRAMS = {"int8": "ptq", "int8-qat": "qat"}
"""The program of what version 1 called a precision."""


def apart(entry: Any) -> Any:
    """An entry with its precision and its program apart, which version 1 told in one word."""
    if not isinstance(entry, dict) or entry.get("precision") not in PROGRAMS:
        return entry
    return entry | {"precision": "int8", "program": PROGRAMS[entry["precision"]]}


def _renamed(entry: Document, names: dict[str, str]) -> Document:
    return {names.get(key, key): value for key, value in entry.items()}


def _divergent(program: Any) -> Any:
    """A program's entry with the words for the judge's divergence, which version 1 called KL."""
    if not isinstance(program, dict):
        return program
    words = {"kl_before": "divergence_before", "kl_after": "divergence_after"}
    steps = program.get("steps", [])
    if isinstance(steps, list):
        steps = [_renamed(step, words) if isinstance(step, dict) else step for step in steps]
    return _renamed(program, {"held_out_kl": "held_out_divergence"}) | {"steps": steps}


def _each(change: Any, entries: Any) -> Any:
    return [change(entry) for entry in entries] if isinstance(entries, list) else entries


def _manifest_1(document: Document) -> Document:
    """Version 1 knew classifiers alone, and did not say so; its precisions named programs too."""
    programs = document.get("quantizations", {})
    if isinstance(programs, dict):
        programs = {PROGRAMS.get(name, name): _divergent(entry) for name, entry in programs.items()}
    document = document | {
        "quantizations": programs,
        "artefacts": _each(apart, document.get("artefacts", [])),
        "failures": _each(apart, document.get("failures", [])),
    }
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
    line = apart(line)
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
