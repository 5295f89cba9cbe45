"""What the site needs that the pages, which are read in the repository too, do not have."""

from __future__ import annotations

import re
from typing import Any

OUTSIDE = re.compile(r"\[([^\]]*)\]\(\.\./([^)]+)\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links to files outside of docs/ become their text and path: the site holds only docs/."""
    return OUTSIDE.sub(r"\1 (`\2`)", markdown)
