"""Sets two output folders side by side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fbdeploy.check.answers import Answers, unlike_images
from fbdeploy.check.baseline import ArtefactName, Baseline, Latency, Record
from fbdeploy.check.latencies import same_setting, why_unlike
from fbdeploy.check.reduction import reduced
from fbdeploy.check.rules import load_rules
from fbdeploy.compare.document import ComparedArtefact, DeploymentComparison, Figures, Side, Speed
from fbdeploy.records.conditions import Conditions, conditions_in
from fbdeploy.records.manifest import Manifest, read_manifest
from fbdeploy.records.results import Line, ScoreInfo, read_lines
from fbdeploy.records.rows import ResultRow, summarize
from fbdeploy.report.scores import metrics_shown, score_in
from stats.medians import median_ratio
from tasks.metric import Metric
from tasks.scores import score_of
from zoo.errors import InputError
from zoo.outputs import TaskName


@dataclass(frozen=True)
class Deployment:
    """An output folder as it was read. ``conditions`` are those of its times, the ones to go by
    first."""

    path: Path
    manifest: Manifest
    lines: list[Line]
    conditions: list[Conditions]
    baseline: Baseline

    @classmethod
    def read(cls, folder: Path) -> Deployment:
        """Read ``folder``.

        Raises:
            InputError: it is no output folder, or one without artefacts.
        """
        manifest = read_manifest(folder)
        lines = read_lines(folder)
        conditions = conditions_in(manifest, lines)
        return cls(folder, manifest, lines, conditions, reduced(folder, manifest, lines))

    def figures(self, conditions: Conditions | None) -> dict[ArtefactName, Figures]:
        """Its artefacts with their times under ``conditions``, None: under its own."""
        rows = summarize(self.manifest, self.lines, conditions)
        task = self.manifest.network.task
        return {(row.format, row.build, row.variant): _figures(row, task) for row in rows}

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


def compare(first: Path, second: Path) -> DeploymentComparison:
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
    shared = _shared(sides)
    figures = [side.figures(shared) for side in sides]
    found = tuple(
        _artefact(
            sides,
            (by_key[0].get(key), by_key[1].get(key)),
            (figures[0].get(key), figures[1].get(key)),
            shared,
            unlike,
            spread,
        )
        for key in keys
    )
    return DeploymentComparison(
        first=sides[0].side(),
        second=sides[1].side(),
        task=tasks[0],
        artefacts=found,
        notes=tuple(_notes(sides, unlike)),
    )


def _shared(sides: tuple[Deployment, Deployment]) -> Conditions | None:
    """The conditions that both have times under, the first's own order; None if there are none."""
    known = sides[1].conditions
    return next((one for one in sides[0].conditions if one in known), None)


def _artefact(
    sides: tuple[Deployment, Deployment],
    records: tuple[Record | None, Record | None],
    figures: tuple[Figures | None, Figures | None],
    shared: Conditions | None,
    unlike: str,
    spread: float,
) -> ComparedArtefact:
    named = records[0] or records[1]
    assert named is not None
    document = ComparedArtefact(
        format=named.format,
        precision=named.precision,
        program=named.program,
        variant=named.variant,
        first=figures[0],
        second=figures[1],
    )
    then, now = records
    if then is None or now is None:
        return document
    headline, alike = metrics_shown(sides[0].manifest.network.task)
    speed, why = _speed(then, now, shared, spread)
    changes = {
        "score": None if unlike else _paired(sides, (then, now), headline),
        "agreement": None if unlike else _paired(sides, (then, now), alike),
        "speed": speed,
        "notes": (why,) if why else (),
    }
    return document.model_copy(update=changes)


def _figures(row: ResultRow, task: TaskName) -> Figures:
    headline, alike = (score_in(row, metric) for metric in metrics_shown(task))
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


def _speed(
    then: Record, now: Record, shared: Conditions | None, spread: float
) -> tuple[Speed | None, str]:
    """The ratio under the shared conditions, else of the newest latency; or why there is none."""
    timed = [one for one in then.latencies if one.instructions is None]
    if not timed:
        return None, ""
    newest = next((one for one in timed if Conditions.of(one) == shared), timed[-1])
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
