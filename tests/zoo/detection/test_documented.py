"""What docs/detection.md shows runs, and what it says is refused is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fbdeploy.pipeline.first_look import look_at_shared_images
from zoo.errors import InputError

PAGE = Path(__file__).parents[3] / "docs" / "detection.md"


def test_the_example(capsys: pytest.CaptureFixture[str]) -> None:
    block = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert block
    exec(block[1], {})
    printed = capsys.readouterr().out
    assert printed == "('boxes', 'scores', 'labels') letterbox ('person', 'bicycle')\n"


def test_what_is_refused() -> None:
    look_at_shared_images("photos", None)
    with pytest.raises(InputError, match="without its pictures"):
        look_at_shared_images("boxes.json", "photos")
