"""Detectors of one's own classes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from tasks.detection.average_precision import Kind, average_precision
from tasks.detection.objects import wanted_of
from tasks.detection.task import Detection
from tasks.finetune.detection_data import example
from tasks.finetune.heads import ClassRows, shared_classes, take_over
from zoo import embedded
from zoo.checkpoints import State, load_into
from zoo.datasets.samples import Dataset
from zoo.detection import default
from zoo.detection.config import DetectorOptions, find_detector, with_masks
from zoo.detection.conventions import detection_spec
from zoo.detection.fbnetv3 import FBNetV3Detector
from zoo.detection.labels import coco_labels
from zoo.detection.loading import read_weights
from zoo.detection.rules import Norm
from zoo.detection.stored import write_detector
from zoo.detection.training.losses import LossRule, detector_losses
from zoo.detection.training.sampling import Sampling
from zoo.detection.two_stage import TwoStageDetector
from zoo.errors import InputError
from zoo.input_spec import InputSpec
from zoo.names import DEFAULT_DETECTOR
from zoo.preprocess import preprocess

_BY_CLASS = (
    ClassRows("box_head.scores", extra=1),
    ClassRows("box_head.deltas", rows=4),
    ClassRows("mask_head.masks"),
)
_MASK_HEAD = "mask_head"
REGIONS = Sampling(64, 0.25)
"""Of each picture; detectron2 takes 512, most of them of background and most of a step's time
(Fast R-CNN, arXiv:1504.08083, has 64 too)."""


@dataclass(frozen=True)
class DetectorChoices:
    """What can be chosen of a detector, as ``DetectorOptions`` has it; None: as the weights."""

    box_pooler_resolution: int | None = None
    mask_pooler_resolution: int | None = None
    iou_thresholds: tuple[float, float] | None = None
    frozen_stages: int | None = None
    norm: Norm | None = None
    pre_nms: int | None = None
    post_nms: int | None = None

    def of(self, options: DetectorOptions) -> DetectorOptions:
        """``options``, changed by what is chosen."""
        chosen = {key: value for key, value in vars(self).items() if value is not None}
        return dataclasses.replace(options, **chosen)


def is_detector(name: str) -> bool:
    """Whether it is the name of one that can be trained."""
    return name == DEFAULT_DETECTOR or find_detector(name) is not None


def open_detector(
    name: str,
    weights: Path | None,
    labels: Sequence[str],
    choices: DetectorChoices,
    size: tuple[int, int] | None = None,
    seed: int = 0,
) -> tuple[TwoStageDetector, InputSpec]:
    """A detector of the classes ``labels``, with what it can have of its weights.

    Rows of classes that the weights have too are kept, by name; others are random, as are a mask
    head that the weights lack, and all of it without weights.

    Raises:
        InputError: weights or choices that do not fit.
    """
    table, masks = find_detector(name) or (None, True)
    path = weights
    if table is None and path is None:
        path = embedded.embedded_file(embedded.DETECTOR_WEIGHTS_FILE)
    options = default.OPTIONS if table is None else with_masks(DetectorOptions(), masks)
    state: State = {}
    before: tuple[str, ...] = ()
    if path is not None:
        told = read_weights(path, table, options)
        state, options, before = told.state, told.options, told.labels
        size = size or told.size
    if options.norm == "folded" and choices.norm is not None:
        raise InputError(
            f"--norm {choices.norm}: the weights' normalization is folded into their convolutions; "
            "leave --norm out"
        )
    after = dataclasses.replace(choices.of(options), classes=len(labels))

    def build(wanted: DetectorOptions) -> TwoStageDetector:
        if table is not None:
            return FBNetV3Detector(table, wanted, size)
        if size not in (None, (default.INPUT_SPEC.height, default.INPUT_SPEC.width)):
            raise InputError(
                f"{name}: its input has {default.INPUT_SPEC.height} pixels and no other"
            )
        fault = wanted.fault(default.STAGES)
        if fault:
            raise InputError(f"{name}: {fault}")
        return default.DefaultDetector(wanted)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = build(after)
        if path is not None:
            old = build(options)
            has_masks = any(key.startswith(f"{_MASK_HEAD}.") for key in state)
            ignored = () if has_masks else (_MASK_HEAD,)
            load_into(old, state, origin=str(path), network=name, ignore=ignored)
            known = before or (embedded.LABELS if table is None else coco_labels())
            same = shared_classes(known, labels) if len(known) == options.classes else {}
            kept = (
                old.state_dict()
                if has_masks
                else {key: value for key, value in old.state_dict().items() if key in state}
            )
            take_over(kept, module, _BY_CLASS, same)
    spec = default.INPUT_SPEC if table is None else detection_spec(module.height, module.width)
    return module, spec


class DetectorSubject:
    """See ``Subject``; pictures are those of two datasets."""

    def __init__(
        self,
        module: TwoStageDetector,
        spec: InputSpec,
        labels: tuple[str, ...],
        training: Dataset,
        validation: Dataset,
        device: torch.device,
    ) -> None:
        self.detector, self.spec, self.labels = module.to(device), spec, labels
        self.network: nn.Module = self.detector
        self._training, self._validation, self._device = training, validation, device
        options = module.options
        before = module.proposal_rule.before
        self._rule = LossRule(
            iou_thresholds=options.iou_thresholds,
            before=2 * before,
            after=before,
            regions=REGIONS,
            masks=16,
        )

    def loss(self, indices: Sequence[int], random: torch.Generator) -> Tensor:
        """See ``Subject``."""
        pictures, truths = [], []
        masks = self.detector.options.masks
        for index in indices:
            mirrored = bool(torch.rand((), generator=random) < 0.5)
            sample = self._training.sample(index)
            x, truth = example(sample, self.spec, masks=masks, mirrored=mirrored)
            pictures.append(x)
            truths.append(truth.to(self._device))
        batch = torch.stack(pictures).to(self._device)
        return detector_losses(self.detector, batch, truths, self._rule, random).total

    @torch.no_grad()
    def score(self, network: nn.Module, indices: Sequence[int]) -> dict[str, float]:
        """See ``Subject``."""
        network.eval()
        names = self.detector.output_names
        found, wanted = [], []
        for index in indices:
            sample = self._validation.sample(index)
            target, frame = self._validation.target(sample, self.spec)
            x = torch.from_numpy(preprocess(sample.image, self.spec))[None]
            outputs = zip(names, network(x.to(self._device)), strict=True)
            found += Detection().decode(
                {name: value.cpu().numpy() for name, value in outputs}, [frame]
            )
            wanted.append(wanted_of(target))
        kinds: list[Kind] = ["box"]
        if self.detector.options.masks and all(one.masks is not None for one in wanted):
            kinds.append("mask")
        values = {f"{kind}_ap": average_precision(found, wanted, kind).value() for kind in kinds}
        return {name: float(np.nan_to_num(value)) for name, value in values.items()}

    def write(self, path: Path, network: nn.Module) -> None:
        """See ``Subject``."""
        write_detector(path, cast(TwoStageDetector, network), self.labels)
