"""``fbdeploy.check``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from fbdeploy.api.choosing import choices
from fbdeploy.api.errors import in_python
from fbdeploy.check.baseline import Baseline, read_baseline
from fbdeploy.check.compare import compare_baselines
from fbdeploy.check.findings import CheckReport
from fbdeploy.check.reduction import reduced
from fbdeploy.check.rules import Measure, Rules, load_rules
from fbdeploy.records.manifest import Manifest, read_manifest
from fbdeploy.records.results import read_lines


@in_python
def check(
    output: str | os.PathLike[str],
    baseline: str | os.PathLike[str],
    *,
    rules: str | os.PathLike[str] | None = None,
    max_drop: float | None = None,
    max_class_drop: float | None = None,
    max_slowdown: float | None = None,
    max_growth: float | None = None,
    require: str | Sequence[str] | None = None,
) -> CheckReport:
    """Hold a folder that ``deploy`` wrote against a baseline.

    Args:
        output: the folder.
        baseline: a file that ``fbdeploy check --write-baseline`` or ``write_baseline`` wrote.
        rules: a TOML file with other limits than the default ones.
        max_drop: points of top-1 that a drop may have.
        max_class_drop: points of top-1 of one class.
        max_slowdown: percent of the median latency.
        max_growth: percent of an artefact's bytes.
        require: measures that must be comparable, such as ``accuracy,latency``.

    Returns:
        The findings; its ``verdict`` is ``PASS``, ``REGRESSED`` or ``INCOMPARABLE``.

    Raises:
        InputError: the folder, the baseline or the rules cannot be read.
    """
    before = read_baseline(Path(baseline))
    limits = limits_of(
        rules=None if rules is None else Path(rules),
        require=require,
        max_drop=max_drop,
        max_class_drop=max_class_drop,
        max_slowdown=max_slowdown,
        max_growth=max_growth,
    )
    folder = Path(output)
    manifest = read_manifest(folder)
    return held_against(before, reduced(folder, manifest, read_lines(folder)), limits, manifest)


def limits_of(
    *, rules: Path | None, require: str | Sequence[str] | None, **limits: float | None
) -> Rules:
    """The rules with what options change.

    Raises:
        InputError: a rule is unknown or impossible.
    """
    required = None if require is None else choices(require, get_args(Measure), "--require")
    return load_rules(rules, required=required, **limits)


def held_against(
    before: Baseline, after: Baseline, limits: Rules, manifest: Manifest
) -> CheckReport:
    """``after``, a folder of that manifest reduced, against ``before``."""
    return compare_baselines(before, after, limits, manifest.labels, manifest.failures)
