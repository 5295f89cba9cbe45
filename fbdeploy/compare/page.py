"""Two deployments side by side as a page."""

from __future__ import annotations

from pathlib import Path

from export.format_info import FORMAT_INFO
from fbdeploy.compare import text
from fbdeploy.compare.document import DeploymentComparison
from fbdeploy.records.manifest import now
from fbdeploy.report import templates
from fbdeploy.report.scores import metric_title, metrics_shown
from fbdeploy.version import __version__
from zoo.files import atomic_file
from zoo.names import title_of

TEMPLATE = "compare.html.jinja"


def write_page(path: Path, document: DeploymentComparison) -> None:
    """Write the page whole or not at all.

    Raises:
        InputError: it cannot be written.
    """
    with atomic_file(path) as temporary:
        temporary.write_text(render(document), encoding="utf-8")


def render(document: DeploymentComparison) -> str:
    """The HTML of the page. It loads nothing from anywhere and runs no script."""
    template = templates.template(str(__package__), TEMPLATE)
    return template.render(
        style=templates.style(),
        version=__version__,
        time=now(),
        document=document,
        sides=(("First", document.first), ("Second", document.second)),
        format_names={name: info.title for name, info in FORMAT_INFO.items()},
        metric=metrics_shown(document.task)[0],
        metric_title=metric_title,
        title_of=title_of,
        text=text,
    )
