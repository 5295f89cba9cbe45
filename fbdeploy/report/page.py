"""``OUT/report.html``: one page with everything in it, made from the manifest and the results."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from export.format_info import FORMAT_INFO, App
from fbdeploy.records.builds import BUILD_OF
from fbdeploy.records.hosts import HostWork, work_below
from fbdeploy.records.manifest import Manifest, read_manifest
from fbdeploy.records.results import Line, read_lines
from fbdeploy.records.rows import summarize
from fbdeploy.records.sensitivity import SensitivityDocument, sensitivity_of
from fbdeploy.report import numbers, operators, recommend, templates, verdict
from fbdeploy.report.by_class import by_class
from fbdeploy.report.disagreement import Answers, answers
from fbdeploy.report.limits import limits
from fbdeploy.report.loading import Language, Loading, loading
from fbdeploy.report.overlays import Overlays, overlays
from fbdeploy.report.picks import Pick, picks
from fbdeploy.report.plots import layer_plots
from fbdeploy.report.problems import problems
from fbdeploy.report.ranking import Ranked
from fbdeploy.report.scores import metric_title, metrics_known, metrics_shown, score_in
from fbdeploy.report.sizes import app_sizes, runtime_sizes
from fbdeploy.report.views import views
from tasks.metrics import METRICS_OF, agreement_of
from zoo.files import atomic_file, exists
from zoo.names import title_of

FILE_NAME = "report.html"
TEMPLATE = "report.html.jinja"
LAYERS_SHOWN, LAYERS_LABELLED = 10, 5
LINKED = ("manifest.json", "results.jsonl", "README.md", "sensitivity.json", "demo_bundle")
"""What of the folder the page links besides artefacts."""
LANGUAGES: dict[App, Language] = {"android": "kotlin", "ios": "swift"}
"""What apps are written in."""


def render(
    manifest: Manifest,
    lines: list[Line],
    sensitivity: SensitivityDocument | None = None,
    drawn: Overlays | None = None,
    answered: Answers | None = None,
    *,
    folder: str = "out",
    files: Sequence[str] = (),
    hosts: Sequence[HostWork] = (),
) -> str:
    """The HTML of the report. It loads nothing from anywhere and runs no script.

    Args:
        manifest: of the deployment.
        lines: its measurements.
        sensitivity: the layers' errors, if they were measured.
        drawn: answers over photos, if they can be drawn.
        answered: a classifier's answers, if they were kept.
        folder: what to call the output folder in commands.
        files: those beside the page to link, besides artefacts.
        hosts: what each host and device did, of a cluster.
    """
    template = templates.template(
        str(__package__),
        TEMPLATE,
        name=recommend.name_of,
        how_timed=recommend.how_timed,
        where_timed=recommend.where_timed,
        of_metric=numbers.of_metric,
    )
    main, *elsewhere = views(manifest, lines)
    rows = main.rows
    platforms = picks(manifest, lines, folder)
    wide_layers, narrow_layers = layer_plots(sensitivity, LAYERS_LABELLED)
    return template.render(
        style=templates.style(),
        title=title_of(manifest.network.name),
        manifest=manifest,
        main=main,
        elsewhere=elsewhere,
        pairs=list(zip(rows, manifest.artefacts, strict=True)),
        rows=rows,
        problems=problems(manifest),
        limits=limits(manifest, rows),
        sound=manifest.float_check is None or manifest.float_check.passed,
        picks=platforms,
        loadings=_loadings(manifest, main.ranked, platforms),
        files=files,
        hosts=hosts,
        sensitivity=sensitivity,
        worst_layers=sensitivity.layers[:LAYERS_SHOWN] if sensitivity else (),
        wide_layers=wide_layers,
        narrow_layers=narrow_layers,
        how_timed=[sentence for one in (main, *elsewhere) for sentence in one.how_timed],
        format_names={name: info.title for name, info in FORMAT_INFO.items()},
        metrics=metrics_known(manifest, rows),
        alike_sentence=agreement_of(METRICS_OF[manifest.network.task]).sentence,
        by_class=by_class(rows, manifest.labels),
        overlays=drawn,
        answers=answered,
        metric_title=metric_title,
        score_in=score_in,
        decisive=verdict.decisive,
        metric_of=verdict.metric_of,
        drop_tolerance=100 * metrics_shown(manifest.network.task)[0].tolerance,
        margin=100 * verdict.MARGIN,
        operator_groups=operators.groups,
        operators_inside=operators.inside,
        groups_shown=operators.GROUPS,
        input_words=_input_words(manifest),
        app_sizes=app_sizes(main.ranked),
        runtime_sizes=runtime_sizes(main.ranked),
        pixel_names=[
            recommend.name_of(one.row) for one in main.ranked if one.artefact.input != "float32"
        ],
        build_of=BUILD_OF,
        as_json=lambda values: json.dumps(values, indent=2),
    )


def write_report(folder: Path, manifest: Manifest, lines: list[Line]) -> Path:
    """Write ``folder/report.html`` whole or not at all, with what sensitivity.json and the
    kept answers say there.

    Raises:
        InputError: the folder cannot be written or is full.
    """
    target = folder / FILE_NAME
    chosen = recommend.recommend(summarize(manifest, lines)).row
    page = render(
        manifest,
        lines,
        sensitivity_of(folder, manifest),
        overlays(folder, manifest, lines),
        answers(folder, manifest, lines, chosen.path if chosen else None),
        folder=folder.resolve().name,
        files=[name for name in LINKED if exists(folder / name)],
        hosts=work_below(folder),
    )
    with atomic_file(target) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return target


def report_again(folder: Path) -> Path:
    """Write the report of an output folder again, from what is in it.

    Raises:
        InputError: it is none, or cannot be written.
    """
    return write_report(folder, read_manifest(folder), read_lines(folder))


def _loadings(manifest: Manifest, order: list[Ranked], platforms: list[Pick]) -> list[Loading]:
    """Kotlin and Swift for the picks of their platforms, Python for the first of all."""
    wanted: list[tuple[str | None, Language]] = [
        (pick.row.path if pick.row else None, LANGUAGES[pick.platform]) for pick in platforms
    ]
    wanted += [(one.row.path, "python") for one in order[:1] if one.verdict != "rejected"]
    by_path = {entry.path: entry for entry in manifest.artefacts}
    found = (loading(manifest, by_path[path], language) for path, language in wanted if path)
    return [one for one in found if one is not None]


def _input_words(manifest: Manifest) -> str:
    """The shapes that artefacts take, and which formats take which if they differ."""
    spec = manifest.input_spec
    shapes = {
        "nchw": f"1 × 3 × {spec.height} × {spec.width}",
        "nhwc": f"1 × {spec.height} × {spec.width} × 3",
    }
    layouts: dict[str, list[str]] = {}
    for entry in manifest.artefacts:
        titles = layouts.setdefault(entry.layout, [])
        if FORMAT_INFO[entry.format].title not in titles:
            titles.append(FORMAT_INFO[entry.format].title)
    if len(layouts) < 2:
        return "".join(shapes[layout] for layout in layouts or ("nchw",))
    return " or ".join(
        f"{shapes[layout]} ({', '.join(titles)})" for layout, titles in layouts.items()
    )
