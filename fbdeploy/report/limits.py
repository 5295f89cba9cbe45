"""What a deployment cannot tell, in words: said on the terminal and in the report."""

from __future__ import annotations

from collections.abc import Sequence

from fbdeploy.records.builds import BUILD_OF
from fbdeploy.records.manifest import Manifest
from fbdeploy.records.rows import ResultRow
from zoo.dataset_names import RANDOM_IMAGES


def limits(manifest: Manifest, rows: Sequence[ResultRow]) -> tuple[str, ...]:
    """Whole sentences without their full stop; none where all artefacts that may be shipped were
    scored and int8 has seen real images."""
    return tuple(filter(None, (_unscored(manifest, rows), _random(manifest))))


def _unscored(manifest: Manifest, rows: Sequence[ResultRow]) -> str | None:
    if not rows or any(row.scores for row in rows):
        return None
    if manifest.evaluation_data is None:
        return (
            "Nothing was scored, since there were no labelled images: how accurate the artefacts "
            "are is not known. Give --data to score them; what is made stays"
        )
    return (
        "Nothing was scored yet: how accurate the artefacts are is not known. The same command "
        "without --artefacts-only scores them"
    )


def _random(manifest: Manifest) -> str | None:
    found = [
        BUILD_OF[name]
        for name, program in manifest.quantizations.items()
        if program.calibration.name == RANDOM_IMAGES
    ]
    if not found:
        return None
    return (
        f"{' and '.join(found)} was calibrated on random images: its size, speed and coverage are "
        "those of a real one, its answers are not. Give --calibration before it is shipped"
    )
