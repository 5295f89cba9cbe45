"""Baselines of earlier versions in the form of this one."""

from __future__ import annotations

from typing import Any

import numpy as np

from fbdeploy.check.packing import check_classes, pack_floats, unpack
from fbdeploy.records.migrations import apart
from zoo.documents import Migrations


def _baseline_1(document: dict[str, Any]) -> dict[str, Any]:
    """Version 1 kept a classifier's first answers: the float network's, and how the artefacts'
    differ from them; its precisions named programs too.

    Raises:
        ValueError: they are no classes, or too few.
    """
    data = document.get("data")
    records = [apart(dict(record)) for record in document.get("artefacts", ())]
    if isinstance(data, dict):
        count = data["images"]
        labels, reference = unpack(data["labels"], count), unpack(data["reference"], count)
        check_classes(labels, -1)
        check_classes(reference, 0)
        data = {key: value for key, value in data.items() if key != "reference"}
        data["task"] = "classification"
        for record in records:
            if record.get("predictions") is None:
                continue
            answers = reference + unpack(record["predictions"], count)
            check_classes(answers, 0)
            alike = {"agreement": answers == reference}
            if count and labels.min() >= 0:
                alike["top1"] = answers == labels
            record["parts"] = {
                name: {"columns": 1, "data": pack_floats(values.astype(np.float64))}
                for name, values in alike.items()
            }
    for record in records:
        record.pop("predictions", None)
    return document | {"data": data, "artefacts": records}


BASELINE_MIGRATIONS: Migrations = {1: _baseline_1}
