"""What docs/zoo.md shows runs, and gives what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from zoo.names import SEGMENTERS
from zoo.networks import InputOverrides, load_network

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


def test_the_network_of_one_s_own(tmp_path: Path) -> None:
    """As docs/segmentation.md deploys it: by file and function, with weights of three classes."""
    text = (PAGE.parent / "segmentation.md").read_text(encoding="utf-8")
    block = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert block
    (tmp_path / "street.py").write_text(block[1])
    name, overrides = f"{tmp_path / 'street.py'}:build", InputOverrides(size=64)
    first = load_network(name, num_classes=3, overrides=overrides)
    save_file(first.module.state_dict(), tmp_path / "street.safetensors")
    network = load_network(
        name, tmp_path / "street.safetensors", num_classes=3, overrides=overrides
    )
    assert network.task == "segmentation" and network.outputs[0].shape == (1, 3, 32, 32)
    assert all(one in text for one in SEGMENTERS[:2])
