"""What an app grows by: an artefact and its runtime, whose size is in ``runtime_sizes.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from fbdeploy.report.ranking import Ranked
from fbdeploy.report.templates import template_text

FILE = "runtime_sizes.toml"


@dataclass(frozen=True)
class RuntimeSize:
    """The libraries of a format's runtime on a 64-bit ARM phone, in bytes, None where that is not
    known, and where it was measured."""

    bytes: int | None
    source: str


@dataclass(frozen=True)
class AppSize:
    """An artefact and its format's runtime."""

    one: Ranked
    runtime: RuntimeSize

    @property
    def together(self) -> int | None:
        """Bytes of both."""
        return None if self.runtime.bytes is None else self.one.row.bytes + self.runtime.bytes


def runtime_size(fmt: str) -> RuntimeSize:
    """That of a format."""
    return _sizes()[fmt]


def runtime_sizes(ranked: Iterable[Ranked]) -> dict[str, RuntimeSize]:
    """Those of the formats of artefacts, by format."""
    formats = dict.fromkeys(one.row.format for one in ranked)
    return {fmt: runtime_size(fmt) for fmt in sorted(formats)}


def app_sizes(ranked: Iterable[Ranked]) -> list[AppSize]:
    """The smallest together first, what is not known last."""
    found = [AppSize(one, runtime_size(one.row.format)) for one in ranked]
    return sorted(found, key=lambda size: (size.together is None, size.together or 0))


@cache
def _sizes() -> dict[str, RuntimeSize]:
    stored = tomllib.loads(template_text(str(__package__), FILE))
    return {name: RuntimeSize(one.get("bytes"), one["source"]) for name, one in stored.items()}
