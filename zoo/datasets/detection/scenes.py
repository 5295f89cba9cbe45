"""Composed scenes with their items as objects: boxes, classes and masks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from zoo.datasets.detection.annotations import AnnotatedPicture, Instance
from zoo.datasets.detection.run_lengths import from_array
from zoo.datasets.samples import Sample, Samples
from zoo.embedded import LABELS
from zoo.errors import InputError
from zoo.input_spec import InputSpec
from zoo.preprocess import Frame
from zoo.scenes import SIDE, Scene, SceneSplit


class SceneObjects(Samples):
    """The scenes of a split; what answers are held against is an ``AnnotatedPicture``."""

    def __init__(
        self,
        split: SceneSplit,
        num_classes: int | None = None,
        network_labels: tuple[str, ...] = (),
    ) -> None:
        """Take a split for a network of ``num_classes`` without a background.

        Raises:
            InputError: its classes are not the scenes'.
        """
        super().__init__(split.name, skip_bad_images=False)
        if num_classes is not None and num_classes < len(LABELS):
            raise InputError(
                f"{split.name}: has {len(LABELS)} classes and the network {num_classes}; give a "
                "network of as many"
            )
        self._split = split
        self._labels = network_labels or LABELS

    def __len__(self) -> int:
        """The number of scenes."""
        return len(self._split)

    def labels(self) -> tuple[str, ...]:
        """Class names by index."""
        return self._labels

    def sample(self, index: int) -> Sample:
        """A scene and its items."""
        scene, name = self._split.scene(index), f"{self.name}/{index:05d}"
        return Sample(Image.fromarray(scene.pixels), annotated(scene, name), name)

    def target(self, sample: Sample, spec: InputSpec) -> tuple[Any, Frame]:
        """What is on the scene, in its own pixels."""
        return sample.target, Frame.of(sample.image.width, sample.image.height, spec)


def annotated(scene: Scene, name: str) -> AnnotatedPicture:
    """A scene's items as objects; there is no file of that name."""
    instances = [
        Instance(
            box=(float(box[0]), float(box[1]), float(box[2]), float(box[3])),
            label=label,
            area=float(mask.sum()),
            mask=from_array(mask),
        )
        for box, label, mask in zip(scene.boxes, scene.labels, scene.masks, strict=True)
    ]
    return AnnotatedPicture(Path(name), name, SIDE, SIDE, tuple(instances))
