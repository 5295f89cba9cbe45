"""Detection data as a dataset: images with their objects."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from zoo.datasets.contents import content_of_file
from zoo.datasets.detection.annotations import AnnotatedPicture, DetectionSet
from zoo.datasets.detection.coco import read_coco
from zoo.datasets.detection.scenes import SceneObjects
from zoo.datasets.detection.voc import ANNOTATIONS, read_voc
from zoo.datasets.detection.yolo import LABELS, read_yolo
from zoo.datasets.samples import Dataset, Sample, Samples
from zoo.errors import InputError, shown
from zoo.files import exists, is_file, is_folder
from zoo.input_spec import InputSpec
from zoo.preprocess import Frame
from zoo.scenes import SCENE_SPLITS, open_scenes

KINDS = (
    "a COCO file (.json), a folder of Pascal VOC's XML files, or a YOLO folder (images/, labels/)"
)


class DetectionSamples(Samples):
    """The pictures of a detection set; what answers are held against is an ``AnnotatedPicture``."""

    def __init__(self, data: DetectionSet, *, skip_bad_images: bool = False) -> None:
        super().__init__(data.name, skip_bad_images)
        self._data = data
        self._by_name = {picture.name: picture for picture in data.pictures}

    def __len__(self) -> int:
        """The number of pictures."""
        return len(self._data.pictures)

    def labels(self) -> tuple[str, ...]:
        """Class names by index."""
        return self._data.labels

    def sample(self, index: int) -> Sample:
        """A picture and what is on it; raises BadImageError where it cannot be decoded."""
        picture = self._data.pictures[index]
        return Sample(picture.read(), picture, picture.name)

    def target(self, sample: Sample, spec: InputSpec) -> tuple[Any, Frame]:
        """What is on the picture, in its own pixels."""
        return sample.target, Frame.of(sample.image.width, sample.image.height, spec)

    def content(self, name: str) -> str:
        """That of the picture and its objects."""
        picture = self._by_name[name]
        objects = json.dumps([dataclasses.asdict(one) for one in picture.instances])
        return hashlib.sha256((content_of_file(picture.path) + objects).encode()).hexdigest()


def open_detections(
    name_or_path: str | Path,
    *,
    num_classes: int | None = None,
    network_labels: tuple[str, ...] = (),
    skip_bad_images: bool = False,
) -> Dataset:
    """Open images with objects.

    Args:
        name_or_path: as ``KINDS`` says, or one of SCENE_SPLITS.
        num_classes: the network's, without a background.
        network_labels: its class names. Data whose names are all among them are matched by name,
            others by index.
        skip_bad_images: leave undecodable images out instead of raising; their headers must be
            whole.

    Raises:
        InputError: there are no such data, or they have classes that are not the network's.
    """
    if str(name_or_path) in SCENE_SPLITS and not Path(name_or_path).exists():
        return SceneObjects(open_scenes(str(name_or_path)), num_classes, network_labels)
    data = read_detections(Path(name_or_path))
    places = class_places(data, num_classes, network_labels)
    pictures = tuple(_with_classes(picture, places) for picture in data.pictures)
    labels = network_labels or data.labels
    return DetectionSamples(
        DetectionSet(data.name, pictures, labels), skip_bad_images=skip_bad_images
    )


def read_detections(path: Path) -> DetectionSet:
    """Detection data of any kind.

    Raises:
        InputError: there are none, or they cannot be read.
    """
    reader = find_reader(path)
    if reader is None:
        what = "holds no detection data" if exists(path) else "no such file or folder"
        raise InputError(f"{path}: {what}; give {KINDS}")
    return reader(path)


def find_reader(path: Path) -> Callable[[Path], DetectionSet] | None:
    """What reads the detection data at ``path``; None: there are none of a known kind."""
    if is_file(path):
        return read_coco if path.suffix.lower() == ".json" else None
    if not is_folder(path):
        return None
    if is_folder(path / LABELS):
        return read_yolo
    if is_folder(path / ANNOTATIONS) or any(path.glob("*.xml")):
        return read_voc
    return None


def class_places(
    data: DetectionSet, num_classes: int | None, network_labels: Sequence[str]
) -> tuple[int, ...]:
    """The network's class of each of the data's.

    Raises:
        InputError: one is none of the network's.
    """
    count = len(data.labels) if num_classes is None else num_classes
    known = {label.casefold(): place for place, label in enumerate(network_labels)}
    own = [label.casefold() for label in data.labels]
    if own and all(label in known for label in own):
        return tuple(known[label] for label in own)
    if len(own) > count:
        raise InputError(
            f"{data.name}: has {len(own)} classes and the network {count}; give data whose class "
            "names are the network's"
        )
    strangers = [label for label in data.labels if label.casefold() not in known]
    if len(own) < count or (len(strangers) < len(own) and known):
        raise InputError(
            f"{data.name}: has the class {shown(strangers[0])}, which is none of the network's "
            f"{count}; name its classes as the network does"
        )
    return tuple(range(len(own)))


def _with_classes(picture: AnnotatedPicture, places: Sequence[int]) -> AnnotatedPicture:
    instances = (
        dataclasses.replace(instance, label=places[instance.label])
        for instance in picture.instances
    )
    return dataclasses.replace(picture, instances=tuple(instances))
