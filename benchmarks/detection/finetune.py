"""From COCO's classes to new ones on 100 photos: what ``fbdeploy finetune`` makes of it.

    python -m benchmarks.detection.finetune --shared ../shared --output build/finetune

The new classes are COCO's groups, such as vehicle and furniture, whose names the weights do not
know: 100 photos of ``coco_calibration`` to train on, all of ``coco_dev`` to score on.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from fbdeploy.api.finetune import finetune
from tasks.finetune.detectors import DetectorChoices
from tasks.finetune.subject import Settings

GROUPS = {
    "vehicle": range(2, 10),
    "outdoor": range(10, 16),
    "animal": range(16, 26),
    "accessory": range(27, 34),
    "sport": range(34, 44),
    "kitchenware": range(44, 52),
    "food": range(52, 62),
    "furniture": range(62, 71),
    "electronics": range(72, 78),
}
"""Ids of COCO's categories (cocodataset.org, its supercategories); people are left out."""
PHOTOS = 100


def regroup(source: Path, target: Path, photos: int | None) -> Path:
    """Write the boxes of ``source``'s first photos, all where None, with groups as classes."""
    content = json.loads((source / "boxes.json").read_text(encoding="utf-8"))
    group_of = {member: number for number, ids in enumerate(GROUPS.values(), 1) for member in ids}
    images = content["images"][:photos]
    known = {image["id"] for image in images}
    annotations = [
        {**one, "category_id": group_of[one["category_id"]]}
        for one in content["annotations"]
        if one["image_id"] in known and one["category_id"] in group_of
    ]
    categories = [{"id": number, "name": name} for number, name in enumerate(GROUPS, 1)]
    target.mkdir(parents=True, exist_ok=True)
    if not (target / "images").exists():
        (target / "images").symlink_to((source / "images").resolve())
    path = target / "boxes.json"
    path.write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": categories})
    )
    return path


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description="fine-tune on new classes, and score")
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--output", type=Path, default=Path("build/finetune"))
    parser.add_argument("--input-size", type=int, default=320)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--rate", type=float, default=3e-4)
    parser.add_argument("--frozen-stages", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    data = given.shared / "data"
    training = regroup(data / "coco_calibration", given.output / "training", PHOTOS)
    validation = regroup(data / "coco_dev", given.output / "validation", None)
    found = finetune(
        "fbnetv3_a_dsmask_c4",
        training,
        given.output / "weights",
        weights=given.shared / "weights" / "fbnetv3_a_dsmask_c4.coco_boxes.safetensors",
        validation=validation,
        input_size=given.input_size,
        choices=DetectorChoices(frozen_stages=given.frozen_stages),
        settings=Settings(epochs=given.epochs, rate=given.rate),
    )
    print(f"before {found.before} after {found.after} steps {found.steps}")


if __name__ == "__main__":
    main()
