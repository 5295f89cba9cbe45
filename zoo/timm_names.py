"""The names of timm's models without importing timm, which takes seconds that a typing error is not
worth: they are read from where its modules register them."""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path

_REGISTERED = re.compile(r"^@register_model\s*\ndef (\w+)\(", re.MULTILINE)
_DEPRECATED = re.compile(
    r"^register_model_deprecations\(__name__, \{(.*?)^\}\)", re.MULTILINE | re.DOTALL
)
_KEY = re.compile(r"^\s*'([\w.]+)'\s*:", re.MULTILINE)


@cache
def timm_names() -> frozenset[str]:
    """All that ``timm.is_model`` knows, the deprecated ones with it, without tags of weights."""
    spec = importlib.util.find_spec("timm")
    assert spec is not None and spec.origin is not None
    names: set[str] = set()
    for path in (Path(spec.origin).parent / "models").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        names.update(_REGISTERED.findall(text))
        for table in _DEPRECATED.findall(text):
            names.update(name.partition(".")[0] for name in _KEY.findall(table))
    return frozenset(names)


def is_timm_model(name: str) -> bool:
    """What ``timm.is_model`` answers: a tag of weights behind a dot does not count."""
    return name.partition(".")[0] in timm_names()
