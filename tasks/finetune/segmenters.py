"""Segmenters of one's own classes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from stats.class_overlap import ClassOverlap
from tasks.finetune.heads import take_over
from zoo.datasets.mask_classes import IGNORE
from zoo.datasets.masks import place_mask
from zoo.datasets.samples import Dataset
from zoo.errors import InputError
from zoo.input_overrides import InputOverrides
from zoo.names import DEFAULT_DETECTOR, resolve
from zoo.networks import Network, load_network
from zoo.preprocess import preprocess
from zoo.segmentation.resizing import resize_logits
from zoo.sources import find_source


def open_segmenter(
    name: str,
    weights: str | None,
    num_classes: int | None,
    size: int | tuple[int, int] | None = None,
    seed: int = 0,
) -> Network:
    """A segmenter of ``num_classes``, background included (None: as many as its weights), with
    what it can have of its weights: layers of another number of classes are random.

    Raises:
        InputError: it is no segmenter, or the weights do not fit.
    """
    overrides = InputOverrides(size=size)
    network = load_network(name, weights, overrides=overrides, seed=seed)
    if network.task != "segmentation":
        known = f"FBNetV3's detectors, {DEFAULT_DETECTOR} and segmenters"
        raise InputError(f"{name}: is for {network.task}, and finetune takes {known}")
    if num_classes is None or num_classes == network.num_classes:
        return network
    state = network.module.state_dict()
    source = find_source(resolve(name), None, size)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = source.build(num_classes)
    take_over(state, module)
    labels = tuple(str(index) for index in range(num_classes))
    return dataclasses.replace(
        network, module=module.eval(), labels=labels, num_classes=num_classes
    )


class SegmenterSubject:
    """See ``Subject``; pictures are those of two datasets of masks."""

    def __init__(
        self, network: Network, training: Dataset, validation: Dataset, device: torch.device
    ) -> None:
        self.network: nn.Module = network.module.to(device)
        self.labels = network.labels
        self._known, self._device = network, device
        self._training, self._validation = training, validation

    def loss(self, indices: Sequence[int], random: torch.Generator) -> Tensor:
        """See ``Subject``; cross-entropy of every pixel of the input."""
        spec = self._known.input_spec
        pictures, targets = [], []
        for index in indices:
            sample = self._training.sample(index)
            x = torch.from_numpy(preprocess(sample.image, spec))
            target = torch.from_numpy(place_mask(sample.target, spec).astype(np.int64))
            if torch.rand((), generator=random) < 0.5:
                x, target = x.flip(2), target.flip(1)
            pictures.append(x)
            targets.append(target)
        wanted = torch.stack(targets).to(self._device)
        logits = self._logits(self.network, torch.stack(pictures).to(self._device))
        return F.cross_entropy(logits, wanted, ignore_index=IGNORE)

    @torch.no_grad()
    def score(self, network: nn.Module, indices: Sequence[int]) -> dict[str, float]:
        """See ``Subject``."""
        network.eval()
        parts = []
        for index in indices:
            sample = self._validation.sample(index)
            target, _ = self._validation.target(sample, self._known.input_spec)
            x = torch.from_numpy(preprocess(sample.image, self._known.input_spec))[None]
            logits = self._logits(network, x.to(self._device))
            predicted = logits.argmax(1)[0].cpu().numpy().astype(np.uint8)
            wanted = target.pixels()
            parts.append(ClassOverlap.of(wanted, predicted, self._known.num_classes, IGNORE))
        return {"miou": float(ClassOverlap.join(parts).mean_iou())}

    def write(self, path: Path, network: nn.Module) -> None:
        """See ``Subject``."""
        state = network.state_dict()
        save_file({name: tensor.cpu().contiguous() for name, tensor in state.items()}, path)

    def _logits(self, network: nn.Module, x: Tensor) -> Tensor:
        """Logits (N, classes, H, W) of the input's size."""
        returned = self._known.interface.select(network(x))
        assert isinstance(returned, Tensor)
        return resize_logits(returned, (x.shape[2], x.shape[3]))
