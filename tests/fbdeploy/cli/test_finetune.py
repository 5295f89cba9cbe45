"""``fbdeploy finetune`` on a few scenes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.docs.pictures import scenes as write_masks
from tests.fbdeploy.cli.in_process import command
from zoo.detection.default import DefaultDetector
from zoo.embedded import LABELS
from zoo.networks import load_network
from zoo.scenes import SCENES_CALIBRATION, open_scenes

NAMES = (LABELS[5], "wallet", LABELS[8])
"""Two classes that the default detector knows, in another order, and one that it does not."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six scenes as a COCO file."""
    folder = tmp_path_factory.mktemp("coco")
    (folder / "images").mkdir()
    images, annotations = [], []
    for number in range(6):
        scene = open_scenes(SCENES_CALIBRATION).scene(number)
        Image.fromarray(scene.pixels).save(folder / "images" / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "width": 128, "height": 128})
        for (left, top, right, bottom), label in zip(
            scene.boxes.tolist(), scene.labels, strict=True
        ):
            box = [left, top, right - left, bottom - top]
            outline = [left, top, right, top, right, bottom, left, bottom]
            annotations.append(
                {
                    "image_id": number,
                    "category_id": label % 3 + 1,
                    "bbox": box,
                    "segmentation": [outline],
                    "area": box[2] * box[3],
                }
            )
    categories = [{"id": number, "name": name} for number, name in enumerate(NAMES, 1)]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "boxes.json").write_text(json.dumps(document))
    return folder / "boxes.json"


def test_a_detector_of_new_classes(
    data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "--epochs",
        "1",
        "--batch",
        "2",
        "--frozen-stages",
        "5",
        "--post-nms",
        "12",
        "--json",
    ]
    ran = command(
        capfd, "finetune", "default-detector", "--data", data, "--output", tmp_path, *arguments
    )
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert told["labels"] == list(NAMES) and told["pictures"] == 5 and told["held_out"] == 1
    assert told["steps"] == 3 and set(told["before"]) == {"box_ap", "mask_ap"} == set(told["after"])

    network = load_network("default-detector", tmp_path / "weights.safetensors")
    module, known = network.module, load_network("default-detector").module
    assert isinstance(module, DefaultDetector) and isinstance(known, DefaultDetector)
    assert network.labels == NAMES and module.options.post_nms == 12
    # Frozen stages are as they were, to float16's precision; the rest has learned.
    torch.testing.assert_close(module.trunk.state_dict(), known.trunk.state_dict())
    assert not torch.equal(module.rpn.objectness.weight, known.rpn.objectness.weight)
    rows = known.box_head.scores.weight[[5, 8, 10]]
    torch.testing.assert_close(module.box_head.scores.weight[[0, 2, 3]], rows, atol=0.01, rtol=0)


def test_a_segmenter_of_new_classes(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_masks(tmp_path / "street", 4)
    ran = command(
        capfd,
        *("finetune", "default-segmenter", "--data", tmp_path / "street", "--num-classes", 3),
        *("--epochs", 1, "--batch", 2, "--output", tmp_path / "out", "--held-out", 0.5),
    )
    assert ran.code == 0, ran.err
    assert ran.out.startswith("miou 0.") and "on 2 held-out pictures; 3 classes" in ran.out
    network = load_network("default-segmenter", tmp_path / "out" / "weights.safetensors")
    assert network.num_classes == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("default-detector --data nowhere.json", "nowhere.json: no such file or folder"),
        ("default-detector --data DATA --num-classes 3", "--num-classes 3: a detector has"),
        ("default-detector --data DATA --input-size 64", "its input has 128 pixels and no other"),
        ("default-detector --data DATA --frozen-stages 6", "frozen_stages 6 is outside 0..5"),
        ("default-detector --data DATA --iou-thresholds 0.7,0.3", "is no pair of overlaps"),
        ("default-detector --data DATA --norm LN", "LN: is unknown"),
        ("default-detector --data DATA --weights no.pth", "no.pth: no such weights file"),
        ("default-detector --data DATA --weights DATA", "boxes.json: "),
        ("default-detector --data DATA --device tpu", "--device tpu: torch has no such device"),
        ("default --data DATA", "default: is for classification"),
        ("default-segmenter --data DATA --frozen-stages 1", "is no detector"),
        ("default-segmenter --data DATA", "boxes.json: is a file"),
    ],
)
def test_bad_input_is_one_line(
    arguments: str, said: str, data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    given = arguments.replace("DATA", str(data)).split()
    ran = command(capfd, "finetune", *given, "--output", tmp_path / "out")
    assert said in ran.line
    assert not (tmp_path / "out" / "weights.safetensors").exists()
