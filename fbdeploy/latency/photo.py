"""The pre-processing of one photo, from its file to the network's input, as something to time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from fbdeploy.records.manifest import Manifest
from zoo.errors import InputError
from zoo.images import BadImageError, UnusableImageError, read_image
from zoo.preprocess import preprocess


def preprocessing(photo: Path, manifests: Sequence[Manifest | None]) -> Callable[[], object]:
    """What does the pre-processing of ``photo`` once: decode, resize, crop, normalize.

    Args:
        photo: an image file.
        manifests: of the artefacts' output folders, which tell the input.

    Raises:
        InputError: the photo cannot be read, an artefact has no manifest, or the artefacts take
            different inputs.
    """
    specs = {manifest.input_spec for manifest in manifests if manifest is not None}
    if None in manifests or len(specs) != 1:
        raise InputError(
            f"--photo {photo}: needs artefacts of one network, in the folder that fbdeploy deploy "
            "wrote, whose manifest tells the pre-processing; leave --photo out"
        )
    spec = specs.pop()

    def prepare() -> object:
        return preprocess(read_image(photo), spec)

    try:
        prepare()
    except (BadImageError, UnusableImageError) as error:
        reason = error.reason if isinstance(error, BadImageError) else str(error)
        raise InputError(
            f"--photo {photo}: cannot be read ({reason}); give a JPEG or PNG file"
        ) from error
    return prepare
