"""Types of fields that several documents have, with what their values may be."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from zoo.files import inner_name
from zoo.input_spec import (
    LARGEST_MEAN,
    LARGEST_SIDE,
    LARGEST_STD,
    SMALLEST_CROP,
    SMALLEST_STD,
)

Pixels = Annotated[int, Field(ge=1, le=LARGEST_SIDE)]
Mean = Annotated[float, Field(ge=-LARGEST_MEAN, le=LARGEST_MEAN)]
Deviation = Annotated[float, Field(ge=SMALLEST_STD, le=LARGEST_STD)]
CropShare = Annotated[float, Field(ge=SMALLEST_CROP, le=1)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
InnerPath = Annotated[str, AfterValidator(inner_name)]
"""A file's name relative to its document's folder, which it does not leave."""
