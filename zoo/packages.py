"""The packages we depend on, as our own metadata pins them."""

from __future__ import annotations

import re
from functools import cache
from importlib import metadata


@cache
def requirement_of(package: str) -> str:
    """What to give to pip for a distribution: ``onnxruntime==1.31.1``.

    Its name alone where we do not depend on it or where our metadata is not installed.
    """
    try:
        lines = metadata.requires("fbdeploy") or []
    except metadata.PackageNotFoundError:
        return package
    for line in lines:
        found = re.match(r"\s*([\w.-]+)\s*(?:\[[^\]]*\])?\s*\(?([^;()]*)", line)
        if found is not None and _normal(found[1]) == _normal(package):
            return found[1] + found[2].strip()
    return package


def _normal(name: str) -> str:
    """A distribution's name as the Packaging User Guide compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()
