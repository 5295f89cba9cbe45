"""Every command line that a page shows, in ``console`` (after ``$``) and ``sh`` blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
APPS = [ROOT / app / "README.md" for app in ("android_demo", "ios_demo")]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *APPS,
]
BLOCK = re.compile(r"^ *```(console|sh)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"\s+#.*$")


@dataclass(frozen=True)
class Shown:
    """A command line, its continuation lines joined, without its comment."""

    page: str
    text: str


def shown() -> list[Shown]:
    """All, once a page."""
    found: dict[Shown, None] = {}
    for page in PAGES:
        name = page.relative_to(ROOT).as_posix()
        for kind, block in BLOCK.findall(page.read_text(encoding="utf-8")):
            for line in block.replace("\\\n", " ").splitlines():
                text = line.strip()
                if kind == "console" and not text.startswith("$ "):
                    continue  # what the command before it says
                text = " ".join(COMMENT.sub("", text.removeprefix("$ ")).split())
                if text and not text.startswith("#"):
                    found[Shown(name, text)] = None
    return list(found)
