"""The embedded default detector."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path

import pytest
import torch

from tasks.train_detector import score
from zoo import embedded
from zoo.detection.default import DefaultDetector
from zoo.detection.stored import read_stored, write_detector
from zoo.errors import InputError
from zoo.networks import Network, load_network
from zoo.scenes import SCENES, open_scenes

PAGE = Path(__file__).parents[3] / "docs" / "detection.md"


def test_it_comes_with_weights() -> None:
    file = embedded.embedded_file(embedded.DETECTOR_WEIGHTS_FILE)
    assert file.stat().st_size < 4_000_000
    network = load_network("default-detector")
    assert network.task == "detection" and network.weights.kind == "embedded"
    assert network.labels == embedded.LABELS and network.input_spec.crop_mode == "letterbox"
    shapes = {output.name: output.shape for output in network.outputs}
    assert shapes == {
        "boxes": (1, 20, 4),
        "scores": (1, 20),
        "labels": (1, 20),
        "masks": (1, 20, 28, 28),
    }


def test_it_finds_what_is_in_scenes() -> None:
    """A part of the 2,000 scenes; all of them are scored at the end of training."""
    found = score(load_network("default-detector").module, islice(open_scenes(SCENES), 40))
    log = embedded.embedded_file("train_detector.log").read_text(encoding="utf-8")
    box, mask = (float(value) for value in re.findall(r"box ap ([\d.]+) mask ap ([\d.]+)", log)[-1])
    # Of 40 scenes the figures deviate by a few points.
    assert 100 * found.box_ap == pytest.approx(box, abs=12)
    assert 100 * found.mask_ap == pytest.approx(mask, abs=12)
    page = PAGE.read_text(encoding="utf-8")
    assert f"{box / 100:.3f}" in page and f"{mask / 100:.3f}" in page


def test_the_page_opens_it() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (block,) = (one for one in blocks if "default-detector" in one)
    names: dict[str, object] = {}
    exec(block, names)
    network, scenes = names["network"], names["scenes"]
    assert isinstance(network, Network) and len(scenes) == 2000  # type: ignore[arg-type]


def test_a_file_of_other_classes_tells_what_it_is(tmp_path: Path) -> None:
    torch.manual_seed(0)
    known = load_network("default-detector").module
    assert isinstance(known, DefaultDetector)
    write_detector(tmp_path / "same.safetensors", known, ("a",) * 10)
    told = read_stored(tmp_path / "same.safetensors")
    assert told is not None and told.size == (128, 128) and told.options["post_nms"] == 32
    again = load_network("default-detector", tmp_path / "same.safetensors")
    assert again.labels == ("a",) * 10
    assert read_stored(PAGE) is None
    with pytest.raises(InputError, match="no-such"):
        load_network("default-detector", tmp_path / "no-such.pth")
