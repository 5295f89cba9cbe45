"""Inputs and outputs of Core ML packages."""

from __future__ import annotations

from typing import Any

from export.inspection.inspection import Port


def port_of(feature: Any) -> Port:
    """What a package's description says of an input or output: a tensor, a picture (1, 3, height,
    width), or a text or dictionary, which have no shape."""
    kind = feature.type.WhichOneof("Type")
    if kind == "imageType":
        picture = feature.type.imageType
        return Port(name=feature.name, shape=(1, 3, picture.height, picture.width), dtype="image")
    if kind != "multiArrayType":
        return Port(name=feature.name, shape=(), dtype=str(kind).removesuffix("Type"))
    array = feature.type.multiArrayType
    names = array.DESCRIPTOR.fields_by_name["dataType"].enum_type.values_by_number
    dtype = names[array.dataType].name.lower()
    return Port(name=feature.name, shape=tuple(array.shape), dtype=dtype)
