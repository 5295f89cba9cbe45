"""How to load an artefact in Kotlin, Swift and Python: code to copy, from ``loading.toml``."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from functools import cache
from string import Template
from typing import Literal

from export.format_info import INPUT_NAME
from fbdeploy.records.manifest import Artefact, Manifest
from fbdeploy.report.templates import template_text

Language = Literal["kotlin", "swift", "python"]
TITLES: dict[Language, str] = {"kotlin": "Kotlin", "swift": "Swift", "python": "Python"}
FILE = "loading.toml"


@dataclass(frozen=True)
class Loading:
    """Code that loads ``path`` and runs it on one image."""

    language: Language
    path: str
    code: str

    @property
    def title(self) -> str:
        """The language's own spelling."""
        return TITLES[self.language]


def loading(manifest: Manifest, artefact: Artefact, language: Language) -> Loading | None:
    """None where the format has no runtime for the language here, of a file that takes pixels as
    they are, since the code prepares float values, and where no output is known to read."""
    if artefact.input != "float32" or not manifest.network.outputs:
        return None
    stored = _code().get(artefact.format, {}).get(language)
    if stored is None:
        return None
    spec, output = manifest.input_spec, manifest.network.outputs[0]
    sides = [spec.height, spec.width]
    shape = [1, 3, *sides] if artefact.layout == "nchw" else [1, *sides, 3]
    code = Template(stored).substitute(
        file=artefact.path,
        version=artefact.runtime_version.rpartition(" ")[2],
        shape=", ".join(map(str, shape)),
        longs=", ".join(f"{side}L" for side in shape),
        input=INPUT_NAME,
        output=output.name,
        elements=math.prod(output.shape) if output.shape else "outputs",
    )
    return Loading(language, artefact.path, code.strip())


@cache
def _code() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = tomllib.loads(template_text(str(__package__), FILE))
    return found
