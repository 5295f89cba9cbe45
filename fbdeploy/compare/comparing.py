"""Sets two output folders side by side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fbdeploy.check.answers import Answers, unlike_images
from fbdeploy.check.baseline import Baseline, Latency, Record
from fbdeploy.check.latencies import same_setting, why_unlike
from fbdeploy.check.reduction import reduced
from fbdeploy.check.rules import load_rules
from fbdeploy.compare.document import ComparedArtefact, Comparison, Figures, Side, Speed
from fbdeploy.records.manifest import Manifest, read_manifest
from fbdeploy.records.results import ResultRow, ScoreInfo, read_lines, summarize
from fbdeploy.report.scores import metrics_shown, score_in
from stats.medians import median_ratio
from tasks.metric import Metric
from tasks.scores import score_of
from zoo.errors import InputError


@dataclass(frozen=True)
class Deployment:
    """An output folder as it was read."""

    path: Path
    manifest: Manifest
    rows: tuple[ResultRow, ...]
    baseline: Baseline

    @classmethod
    def read(cls, folder: Path) -> Deployment:
        """Read ``folder``.

        Raises:
            InputError: it is no output folder, or one without artefacts.
        """
        manifest = read_manifest(folder)
        lines = read_lines(folder)
        rows = tuple(summarize(manifest, lines))
        return cls(folder, manifest, rows, reduced(folder, manifest, lines))

    def side(self) -> Side:
        """What the document tells of the folder."""
        recipes = {entry.recipe.name for entry in self.manifest.quantizations.values()}
        data = self.baseline.data
        return Side(
            path=str(self.path),
            network=self.manifest.network.name,
            fbdeploy_version=self.manifest.fbdeploy_version,
            updated=self.manifest.updated,
            recipe=", ".join(sorted(recipes)),
            images=data.images if data else None,
        )


def compare(first: Path, second: Path) -> Comparison:
    """Set the artefacts of two output folders side by side; they are matched by format, precision,
    program and variant.

    Raises:
        InputError: one is no output folder, or they are of different tasks.
    """
    sides = (Deployment.read(first), Deployment.read(second))
    tasks = [side.manifest.network.task for side in sides]
    if tasks[0] != tasks[1]:
        raise InputError(
            f"{second}: its network is for {tasks[1]}, that of {first} for {tasks[0]}; compare "
            "networks of one task"
        )
    answers = [Answers.of(side.baseline) for side in sides]
    unlike = unlike_images(answers[0], answers[1], ("the first", "the second"))
    by_key = [{record.key: record for record in side.baseline.artefacts} for side in sides]
    keys = [*by_key[0], *(key for key in by_key[1] if key not in by_key[0])]
    spread = load_rules().session_spread / 100
    found = tuple(
        _artefact(sides, (by_key[0].get(key), by_key[1].get(key)), unlike, spread) for key in keys
    )
    return Comparison(
        first=sides[0].side(),
        second=sides[1].side(),
        task=tasks[0],
        artefacts=found,
        notes=tuple(_notes(sides, unlike)),
    )


def _artefact(
    sides: tuple[Deployment, Deployment],
    records: tuple[Record | None, Record | None],
    unlike: str,
    spread: float,
) -> ComparedArtefact:
    named = records[0] or records[1]
    assert named is not None
    first, second = (
        None if record is None else _figures(side, record)
        for side, record in zip(sides, records, strict=True)
    )
    document = ComparedArtefact(
        format=named.format,
        precision=named.precision,
        program=named.program,
        variant=named.variant,
        first=first,
        second=second,
    )
    then, now = records
    if then is None or now is None:
        return document
    headline, alike = metrics_shown(sides[0].manifest.network.task)
    speed, why = _speed(then, now, spread)
    changes = {
        "score": None if unlike else _paired(sides, (then, now), headline),
        "agreement": None if unlike else _paired(sides, (then, now), alike),
        "speed": speed,
        "notes": (why,) if why else (),
    }
    return document.model_copy(update=changes)


def _figures(side: Deployment, record: Record) -> Figures:
    row = next(row for row in side.rows if (row.format, row.build, row.variant) == record.key)
    shown = metrics_shown(side.manifest.network.task)
    headline, alike = (score_in(row, metric) for metric in shown)
    return Figures(
        bytes=row.bytes,
        int8_share=row.int8_share,
        score=headline.value if headline else None,
        agreement=alike.value if alike else None,
        latency_ms=row.latency_ms,
        target=row.target,
        threads=row.threads,
    )


def _paired(
    sides: tuple[Deployment, Deployment], records: tuple[Record, Record], metric: Metric
) -> ScoreInfo | None:
    """The second's value against the first's on the same images; None where one tells none."""
    then, now = (
        side.baseline.evaluation(record, metric)
        for side, record in zip(sides, records, strict=True)
    )
    if then is None or now is None:
        return None
    return ScoreInfo.of(score_of(metric, now, then))


def _speed(then: Record, now: Record, spread: float) -> tuple[Speed | None, str]:
    """The ratio of the first latency that both tell, or why there is none."""
    timed = [one for one in then.latencies if one.instructions is None]
    if not timed:
        return None, ""
    newest = timed[-1]
    other = same_setting(newest, now.latencies)
    unlike = why_unlike(newest, other, now.latencies)
    if unlike or other is None:
        return None, f"latency: {unlike}"
    return _ratio(newest, other, spread), ""


def _ratio(then: Latency, now: Latency, spread: float) -> Speed:
    found = median_ratio(now.rounds_ns, then.rounds_ns, spread=spread)
    faster = 0 if 1.0 in found.interval else (1 if found.ratio < 1 else -1)
    return Speed(ratio=found.ratio, interval=found.interval, faster=faster)


def _notes(sides: tuple[Deployment, Deployment], unlike: str) -> list[str]:
    notes = [f"accuracy is not paired: {unlike}"] if unlike else []
    first, second = (side.baseline for side in sides)
    if first.network != second.network:
        notes.append(f"two networks: {first.network} and {second.network}")
    elif first.weights_sha256 != second.weights_sha256:
        notes.append("the weights differ")
    if first.input_spec != second.input_spec:
        notes.append("the pre-processing differs")
    return notes
