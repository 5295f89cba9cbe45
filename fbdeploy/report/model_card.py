"""``OUT/README.md``: the model card, with the header that model hubs read, ready to be pushed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from export.format_info import FORMAT_INFO
from fbdeploy.records.manifest import Artefact, Manifest
from fbdeploy.records.results import Line
from fbdeploy.records.rows import ResultRow, summarize
from fbdeploy.report import numbers, recommend
from fbdeploy.report.limits import limits
from fbdeploy.report.scores import metrics_known, score_text
from zoo.files import atomic_file, exists
from zoo.names import title_of
from zoo.outputs import TaskName

FILE_NAME = "README.md"
MARK = "<!-- Written by fbdeploy; a card without this line is yours and stays as it is. -->"
PIPELINE_TAGS: dict[TaskName, str] = {
    "classification": "image-classification",
    "segmentation": "image-segmentation",
    "detection": "object-detection",
}
"""What the hub calls the tasks (huggingface.co/tasks)."""
TAGS = {"executorch": "executorch", "onnx": "onnx", "coreml": "coreml", "litert": "tflite"}
"""The hub's own words for formats."""


def card(manifest: Manifest, lines: list[Line]) -> str:
    """The card as Markdown with a YAML header."""
    rows = summarize(manifest, lines)
    return "\n".join(
        (
            *_header(manifest),
            MARK,
            "",
            f"# {title_of(manifest.network.name)}",
            "",
            f"{manifest.network.task.capitalize()} of images on phones, in "
            f"{len(rows)} artefacts that were each run in their own runtime and compared with what "
            "they were made from.",
            "",
            *_artefacts(manifest, rows),
            "",
            *_cannot_tell(manifest, rows),
            *_input(manifest),
            "",
            *_origin(manifest),
            "",
        )
    )


def write_card(folder: Path, manifest: Manifest, lines: list[Line]) -> None:
    """Write ``folder/README.md``, unless there is one that somebody else wrote.

    Raises:
        InputError: the folder cannot be written or is full.
    """
    target = folder / FILE_NAME
    if exists(target) and MARK not in target.read_text(encoding="utf-8", errors="replace"):
        return
    with atomic_file(target) as temporary:
        temporary.write_text(card(manifest, lines), encoding="utf-8")


def _header(manifest: Manifest) -> Iterable[str]:
    formats = dict.fromkeys(entry.format for entry in manifest.artefacts)
    tags = [TAGS.get(name, name) for name in formats]
    tags += ["int8"] if manifest.quantizations else []
    yield "---"
    yield f"pipeline_tag: {PIPELINE_TAGS[manifest.network.task]}"
    yield "tags:"
    for tag in (*tags, "mobile", "fbdeploy"):
        yield f"- {tag}"
    yield "---"


def _artefacts(manifest: Manifest, rows: list[ResultRow]) -> Iterable[str]:
    metrics = metrics_known(manifest, rows)
    titles = ["file", "size", "in int8", *(metric.title for metric in metrics), "median latency"]
    yield f"| {' | '.join(titles)} |"
    yield f"|{'---|' * len(titles)}"
    for row in rows:
        if row.rejected:
            continue
        cells = [
            f"`{row.path}`",
            numbers.size(row.bytes),
            numbers.percent(row.int8_share, 1),
            *(score_text(row, metric) for metric in metrics),
            _latency(row),
        ]
        yield f"| {' | '.join(cells)} |"


def _latency(row: ResultRow) -> str:
    if row.latency_ms is None:
        return numbers.UNKNOWN
    median = numbers.significant(row.latency_ms.p50)
    return f"{median} ms ({recommend.how_timed(row)})"


def _cannot_tell(manifest: Manifest, rows: list[ResultRow]) -> Iterable[str]:
    for sentence in limits(manifest, rows):
        yield f"**{sentence}.**"
        yield ""


def _input(manifest: Manifest) -> Iterable[str]:
    spec = manifest.input_spec
    yield "## Input"
    yield ""
    yield (
        f"RGB, {spec.height} x {spec.width} pixels: resized with {spec.interpolation} so that the "
        f"crop ({spec.crop_mode}) keeps {spec.crop_pct:g} of it, divided by 255, then (value - "
        f"{list(spec.mean)}) / {list(spec.std)}."
    )
    yield ""
    for shape, titles in _shapes(manifest.artefacts, spec.height, spec.width).items():
        yield f"- {shape}: {', '.join(titles)}"
    yield ""
    yield f"Classes: {len(manifest.labels)}, in `manifest.json` and in the files' own metadata."


def _shapes(artefacts: Iterable[Artefact], height: int, width: int) -> dict[str, list[str]]:
    shapes = {"nchw": f"1 x 3 x {height} x {width}", "nhwc": f"1 x {height} x {width} x 3"}
    found: dict[str, list[str]] = {}
    for entry in artefacts:
        how = f"{entry.input} {shapes[entry.layout]}"
        how += ", the values 0 to 255 as they are" if entry.input != "float32" else ""
        titles = found.setdefault(how, [])
        title = FORMAT_INFO[entry.format].title
        titles += [] if title in titles else [title]
    return found


def _origin(manifest: Manifest) -> Iterable[str]:
    yield "## Origin"
    yield ""
    yield f"- weights: {manifest.weights.origin}, SHA-256 `{manifest.weights.sha256}`"
    if manifest.evaluation_data is not None:
        data = manifest.evaluation_data
        yield f"- scored on {data.images:,} images of {json.dumps(data.name)}"
    for program in manifest.quantizations.values():
        yield (
            f"- int8: recipe {program.recipe.name}, calibrated on "
            f"{program.calibration.images:,} images of {json.dumps(program.calibration.name)}"
        )
    yield (
        f"- made by fbdeploy {manifest.fbdeploy_version}; `manifest.json`, `results.jsonl` and "
        "`report.html` have the rest"
    )
