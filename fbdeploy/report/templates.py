"""The pages' templates and the numbers in them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from export.format_info import FORMAT_INFO
from fbdeploy.report import numbers

if TYPE_CHECKING:
    from jinja2 import Environment, Template

STYLE = "report.css"


@cache
def template_text(package: str, name: str) -> str:
    """A file of ``package`` as text."""
    return (resources.files(package) / name).read_text(encoding="utf-8")


def style() -> str:
    """The style sheet that all pages share, with the formats' colours on light and dark pages."""
    light, dark = (
        " ".join(
            f".{name} {{ color: {info.colors[shade]}; }}" for name, info in FORMAT_INFO.items()
        )
        for shade in (0, 1)
    )
    formats = f"{light}\n@media (prefers-color-scheme: dark) {{\n  {dark}\n}}\n"
    return template_text("fbdeploy.report", STYLE) + formats


@cache
def template(package: str, name: str, /, **filters: Callable[..., str]) -> Template:
    """A page's template: it escapes what it shows, knows every name, has ``numbers`` and
    ``filters`` as its filters and finds parts of pages beside this file. Compiled once, which takes
    longer than filling it in."""
    found = _environment()
    found.filters.update(filters)
    return found.from_string(template_text(package, name))


def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined, select_autoescape

    made = Environment(
        loader=FunctionLoader(lambda name: template_text(str(__package__), name)),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        percent=numbers.percent,
        points=numbers.points,
        significant=numbers.significant,
        size=numbers.size,
        count=numbers.count,
        duration=numbers.duration,
        decibels=numbers.decibels,
    )
    return made
