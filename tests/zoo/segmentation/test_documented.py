"""What docs/zoo.md shows runs, and gives what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from zoo.names import SEGMENTERS

PAGE = Path(__file__).parents[3] / "docs" / "zoo.md"


def test_the_example() -> None:
    text = PAGE.read_text(encoding="utf-8").partition("## Segmentation, from Python")[2]
    block = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert block
    found: dict[str, Any] = {}
    exec(block[1], found)
    assert found["logits"].shape == (1, 11, 28, 28)
    assert found["answer"].shape == (1, 224, 224) == (1, *found["wanted"].shape)
    assert all(name in text or name.endswith(("50", "101")) for name in SEGMENTERS)
