"""Average precision of the trained FBNetV3-A-dsmask detector on photos, two ways.

``fixed``: our module, all of it plain operators of fixed shapes. ``exact``: the same weights with
torchvision's own operators and shapes that depend on the data. Both take the same letterboxed
input, so their difference is what fixed shapes cost.

    python -m benchmarks.detection.run --weights FILE --data FILE.json --output RESULT.json
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torchvision.models.detection._utils import BoxCoder
from torchvision.ops import batched_nms, clip_boxes_to_image, nms, roi_align

from stats.paired import resample, resample_difference
from tasks.detection.agreement import detection_agreement
from tasks.detection.average_precision import AveragePrecision, Size, average_precision
from tasks.detection.objects import Found, Wanted, wanted_of
from zoo.datasets.detection.annotations import DetectionSet
from zoo.datasets.detection.coco import read_coco
from zoo.detection.boxes import clip_boxes, decode_boxes, take
from zoo.detection.conventions import detection_spec
from zoo.detection.fbnetv3 import BOX_WEIGHTS, FBNetV3Detector
from zoo.detection.loading import load_detector
from zoo.detection.proposals import flatten_level
from zoo.detection.suppression import longest_chain
from zoo.preprocess import Frame, preprocess

NAME = "fbnetv3_a_dsmask_c4"
SIZES: tuple[Size, ...] = ("small", "medium", "large")

Detect = Callable[[FBNetV3Detector, Tensor], tuple[Tensor, Tensor, Tensor]]


def fixed(detector: FBNetV3Detector, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes (D, 4), scores (D,) and labels (D,) of one picture by our module."""
    boxes, scores, labels = (part[0] for part in detector(x))
    present = scores > 0
    return boxes[present], scores[present], labels[present].long()


def exact(detector: FBNetV3Detector, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The same by torchvision's operators, as detectron2 puts them in order."""
    size = (detector.height, detector.width)
    (features,) = detector.levels(x)
    logits, deltas = (part[0] for part in flatten_level(*detector.rpn(features)))
    boxes = BoxCoder((1.0, 1.0, 1.0, 1.0)).decode_single(deltas, detector.get_buffer("anchors0"))
    boxes = clip_boxes_to_image(boxes, size)
    best = logits.sort(descending=True).indices[: detector.proposal_rule.before]
    best = best[(boxes[best, 2:] > boxes[best, :2]).all(dim=1)]
    best = best[nms(boxes[best], logits[best], 0.7)[: detector.proposal_rule.after]]
    proposed = boxes[best]
    class_logits, moves = detector.box_head(
        roi_align(features, [proposed], 6, 1 / detector.strides[0], 0, True)
    )
    final = BoxCoder(BOX_WEIGHTS).decode(moves, [proposed]).reshape(len(proposed), -1, 4)
    final = clip_boxes_to_image(final, size)
    scores = class_logits.softmax(-1)[:, :-1]
    row, label = (scores > 0.05).nonzero(as_tuple=True)
    keep = batched_nms(final[row, label], scores[row, label], label, 0.5)[:100]
    return final[row, label][keep], scores[row, label][keep], label[keep]


def find(data: DetectionSet, detector: FBNetV3Detector, detect: Detect) -> list[Found]:
    """What is found on every picture, in its own pixels."""
    spec = detection_spec(detector.height, detector.width)
    found = []
    for picture in data.pictures:
        pixels = preprocess(picture.read(), spec)
        frame = Frame.of(picture.width, picture.height, spec)
        boxes, scores, labels = detect(detector, torch.from_numpy(pixels)[None])
        found.append(Found(frame.to_picture(boxes.numpy()), scores.numpy(), labels.numpy()))
    return found


def figures(found: list[Found], wanted: list[Wanted]) -> dict[str, object]:
    """Average precisions as fractions of one, the first with its 95 % interval over images."""
    whole = average_precision(found, wanted)
    return {
        "box_ap": whole.value(),
        "interval": resample(whole.values, whole.images).interval(),
        "box_ap50": whole.at(0.5).value(),
        "box_ap75": whole.at(0.75).value(),
        **{size: average_precision(found, wanted, size=size).value() for size in SIZES},
    }


def difference(first: AveragePrecision, second: AveragePrecision) -> dict[str, object]:
    """Of two detectors on the same images, with its paired 95 % interval."""
    drawn = resample_difference(first.values, second.values, first.images)
    return {
        "box_ap": first.value() - second.value(),
        "interval": drawn.interval(),
    }


def chains(data: DetectionSet, detector: FBNetV3Detector) -> list[int]:
    """How many sweeps suppression of each picture's proposals needs."""
    spec = detection_spec(detector.height, detector.width)
    found = []
    for picture in data.pictures:
        pixels = preprocess(picture.read(), spec)
        levels = detector.levels(torch.from_numpy(pixels)[None])
        logits, deltas = flatten_level(*detector.rpn(levels[0]))
        boxes = decode_boxes(deltas, detector.get_buffer("anchors0"), (1.0, 1.0, 1.0, 1.0))
        boxes = clip_boxes(boxes, detector.height, detector.width)
        best = torch.topk(logits, detector.proposal_rule.before, dim=1).indices
        found.append(longest_chain(take(boxes, best), 0.7))
    return found


@torch.no_grad()
def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    data = read_coco(arguments.data, masks=False)
    wanted = [wanted_of(picture) for picture in data.pictures]
    detector = load_detector(NAME, arguments.weights).module
    ours, reference = (find(data, detector, detect) for detect in (fixed, exact))
    needed = chains(data, detector)
    result = {
        "detector": NAME,
        "input": [detector.height, detector.width],
        "images": len(wanted),
        "objects": sum(len(one.boxes) for one in wanted),
        "fixed": figures(ours, wanted),
        "exact": figures(reference, wanted),
        "difference": difference(
            average_precision(ours, wanted), average_precision(reference, wanted)
        ),
        "detection_agreement": detection_agreement(ours, reference).value(),
        "sweeps_needed": {"most": max(needed), "median": float(np.median(needed))},
    }
    text = json.dumps(result, indent=1) + "\n"
    print(text)
    arguments.output.write_text(text)


if __name__ == "__main__":
    main()
