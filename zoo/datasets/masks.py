"""Images with the class of each pixel: from folders of images and masks, or composed.

``DIR/images/**`` are images as everywhere, ``DIR/masks/**`` PNG files of the same names but for
their suffix; images without a mask are left out. Ids in masks are classes, or what
``DIR/mask_classes.json`` maps them to, or segments of COCO's ``DIR/panoptic.json``.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zoo.datasets.class_map import ClassMap
from zoo.datasets.contents import content_of_file
from zoo.datasets.image_folder import images_below
from zoo.datasets.mask_classes import IGNORE, MaskClasses, read_class_map
from zoo.datasets.mask_files import read_ids
from zoo.datasets.panoptic import Panoptic, read_panoptic
from zoo.datasets.samples import Dataset, Sample, Samples
from zoo.errors import InputError, reason_of
from zoo.images import read_image
from zoo.input_spec import InputSpec
from zoo.preprocess import Frame, placement
from zoo.scenes import CLASSES, SCENE_SPLITS, SceneSplit, open_scenes

IMAGES, MASKS = "images", "masks"
CLASS_MAP, PANOPTIC = "mask_classes.json", "panoptic.json"


class MaskedSamples(Samples):
    """Samples whose target is the class of each pixel."""

    def target(self, sample: Sample, spec: InputSpec) -> tuple[Any, Frame]:
        """The classes of what the network is shown, and that picture: the input itself."""
        return ClassMap.of(place_mask(sample.target, spec)), Frame.whole(spec.width, spec.height)


class MaskFolder(MaskedSamples):
    """Images and masks of a folder, read when asked for."""

    def __init__(
        self,
        root: Path,
        pairs: list[tuple[Path, Path]],
        classes: MaskClasses | Panoptic,
        *,
        skip_bad_images: bool = False,
    ) -> None:
        super().__init__(str(root), skip_bad_images)
        self._root, self._images, self._masks = root, root / IMAGES, root / MASKS
        self._pairs = pairs
        self._classes = classes

    def __len__(self) -> int:
        """The number of images."""
        return len(self._pairs)

    def labels(self) -> tuple[str, ...]:
        """Empty: masks name no classes but the network's."""
        return ()

    def sample(self, index: int) -> Sample:
        """An image and the class of each pixel, IGNORE where it does not count.

        Raises:
            BadImageError: the image cannot be decoded.
            InputError: the mask cannot be, has another size, or an id that is no class.
        """
        image_path, mask_path = self._pairs[index]
        image = read_image(image_path)
        if isinstance(self._classes, Panoptic):
            ids = read_ids(mask_path, coco=True)
            table = self._classes.table(mask_path.relative_to(self._masks).as_posix())
            mask = MaskClasses(table, None).of(mask_path, ids)
        else:
            mask = self._classes.of(mask_path, read_ids(mask_path))
        if mask.shape != (image.height, image.width):
            raise InputError(
                f"{mask_path}: has {mask.shape[1]}x{mask.shape[0]} pixels where its image has "
                f"{image.width}x{image.height}; masks need their image's size, upright"
            )
        return Sample(image, mask, image_path.relative_to(self._images).as_posix())

    def content(self, name: str) -> str:
        """That of the image, its mask, and what says which class an id is."""
        mask = (self._masks / name).with_suffix(".png")
        read = [content_of_file(path) for path in (self._images / name, mask)]
        return hashlib.sha256("".join([*read, self._tables]).encode()).hexdigest()

    @cached_property
    def _tables(self) -> str:
        """What says which class an id is, read once for all images."""
        tables = (self._root / CLASS_MAP, self._root / PANOPTIC)
        return "".join(content_of_file(path) for path in tables if path.exists())


class SceneMasks(MaskedSamples):
    """Composed scenes with the class of each pixel."""

    def __init__(self, split: SceneSplit) -> None:
        super().__init__(split.name, skip_bad_images=False)
        self._split = split

    def __len__(self) -> int:
        """The number of scenes."""
        return len(self._split)

    def labels(self) -> tuple[str, ...]:
        """Background, and the names of Fashion-MNIST's classes."""
        return CLASSES

    def sample(self, index: int) -> Sample:
        """A scene and the class of each pixel."""
        scene = self._split.scene(index)
        name = f"{self.name}/{index:05d}"
        return Sample(Image.fromarray(scene.pixels), scene.semantic, name)


def open_masks(
    name_or_path: str | Path,
    *,
    num_classes: int | None = None,
    network_labels: tuple[str, ...] = (),
    ignore: int = IGNORE,
    skip_bad_images: bool = False,
) -> Dataset:
    """Open images with masks, by the name of composed scenes or by folder.

    Args:
        name_or_path: one of SCENE_SPLITS, or a folder as this module's docstring has it.
        num_classes: the network's, background included.
        network_labels: its class names, by which class maps and categories are matched.
        ignore: the id of pixels that do not count, where ids are classes.
        skip_bad_images: leave undecodable images out instead of raising; masks are not excused.

    Raises:
        InputError: no such folder, no masks, a mask without an image, two images of one name, or a
            class map that does not fit.
    """
    if str(name_or_path) in SCENE_SPLITS and not Path(name_or_path).exists():
        _check_scene_classes(str(name_or_path), num_classes)
        return SceneMasks(open_scenes(str(name_or_path)))
    root = Path(name_or_path)
    try:
        pairs = _pairs(root)
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{root}: cannot be read ({reason_of(error)}); check its permissions"
        ) from error
    classes: MaskClasses | Panoptic
    if (root / PANOPTIC).exists():
        classes = read_panoptic(root / PANOPTIC, num_classes, network_labels)
    else:
        table = None
        if (root / CLASS_MAP).exists():
            table = read_class_map(root / CLASS_MAP, num_classes, network_labels)
        classes = MaskClasses(table, num_classes, ignore)
    return MaskFolder(root, pairs, classes, skip_bad_images=skip_bad_images)


def place_mask(mask: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.uint8]:
    """A mask (H, W) as the network's input shows it, (spec.height, spec.width).

    It is resized and cropped as its image is, by nearest neighbours; IGNORE where that is padded.
    """
    place = placement(mask.shape[1], mask.shape[0], spec)
    picture = Image.fromarray(mask).resize((place.width, place.height), Image.Resampling.NEAREST)
    canvas = Image.new("L", (spec.width, spec.height), IGNORE)
    canvas.paste(picture, (-place.left, -place.top))
    return np.asarray(canvas)


def _check_scene_classes(name: str, num_classes: int | None) -> None:
    if num_classes is not None and num_classes < len(CLASSES):
        raise InputError(
            f"{name}: has {len(CLASSES)} classes, background included, and the network tells "
            f"{num_classes} apart; give a network of as many"
        )


def _pairs(root: Path) -> list[tuple[Path, Path]]:
    """Each mask's image, and the mask."""
    if not root.is_dir():
        known = ", ".join(SCENE_SPLITS)
        what = "is a file" if root.exists() else "no such folder"
        raise InputError(f"{root}: {what}; give a folder with {IMAGES}/ and {MASKS}/, or {known}")
    for part in (IMAGES, MASKS):
        if not (root / part).is_dir():
            raise InputError(
                f"{root}: has no folder {part}/; put images and PNG masks side by side"
            )
    image_of: dict[Path, Path] = {}
    for image in images_below(root / IMAGES):
        stem = image.relative_to(root / IMAGES).with_suffix("")
        if stem in image_of:
            raise InputError(
                f"{image}: and {image_of[stem].name} have one mask; rename one of them"
            )
        image_of[stem] = image
    masks = [path for path in images_below(root / MASKS) if path.suffix.lower() == ".png"]
    if not masks:
        raise InputError(f"{root / MASKS}: holds no PNG files")
    pairs = []
    for mask in masks:
        stem = mask.relative_to(root / MASKS).with_suffix("")
        if stem not in image_of:
            raise InputError(f"{mask}: has no image {IMAGES}/{stem.as_posix()}.*; add it")
        pairs.append((image_of[stem], mask))
    return pairs
