"""TensorFlow Lite metadata: what MediaPipe's tasks and Android's libraries read of a ``.tflite``.

A flatbuffer of the schema ``metadata_schema.fbs`` (tensorflow/tflite-support, root ModelMetadata,
identifier M001) lies in a buffer of the model that its ``metadata`` calls TFLITE_METADATA; the
files that it names are a zip archive behind the model. Field numbers below are the schema's.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from export.description import MAKER, Description, own_input
from export.format_info import InputType, Layout
from export.packages import require
from export.stored_names import PROPERTIES_FILE
from export.tflite_interface import packed, unpacked
from zoo.outputs import Interface

BUFFER_NAME = "TFLITE_METADATA"
IDENTIFIER = b"M001"
LABELS = "labels.txt"
PARSER_VERSION = "1.0.0"
"""The oldest reader that knows all fields that are used (metadata_schema.fbs)."""
DESCRIPTIONS, AXIS_LABELS, VALUE_LABELS = 1, 2, 3  # AssociatedFileType
NORMALIZATION = 1  # ProcessUnitOptions
FEATURE, IMAGE = 1, 2  # ContentProperties
RGB = 1  # ColorSpaceType
STORED = (1980, 1, 1, 0, 0, 0)
"""The time of the archive's files, so that the same artefact is the same bytes."""

Write = Callable[[Any], int]
"""Writes what a field refers to, and gives its place."""


@dataclass(frozen=True)
class TfliteMetadata:
    """What a file says of itself: ``description``, ``layout`` and type (``given``) of its input,
    and its ``outputs`` in order, of which the first is the one that the labels are of."""

    description: Description
    layout: Layout
    given: InputType
    outputs: Interface


def with_metadata(content: bytes, told: TfliteMetadata) -> bytes:
    """The model with its metadata, and its label file behind it.

    Args:
        content: a ``.tflite`` file without metadata.
        told: what it says.
    """
    description = told.description
    schema = require("ai_edge_litert.schema_py_generated", "litert")
    model = unpacked(content)
    entry, buffer = schema.MetadataT(), schema.BufferT()
    entry.name, entry.buffer = BUFFER_NAME, len(model.buffers)
    buffer.data = np.frombuffer(metadata(told), np.uint8)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]
    properties = json.dumps(
        description.properties(told.layout, told.given, told.outputs), indent=1, ensure_ascii=False
    )
    archive = io.BytesIO()
    archive.write(packed(model, len(content)))
    with zipfile.ZipFile(archive, "a") as stored:
        for name, text in ((LABELS, description.label_lines), (PROPERTIES_FILE, properties)):
            stored.writestr(zipfile.ZipInfo(name, STORED), text)
    return archive.getvalue()


def metadata(told: TfliteMetadata) -> bytes:
    """The flatbuffer."""
    description = told.description
    flatbuffers = require("flatbuffers", "litert")
    builder = flatbuffers.Builder(1024)
    spec = own_input(description.input_spec, told.given)
    normalization = _table(
        {
            0: _floats(_alike([255 * value for value in spec.mean])),
            1: _floats(_alike([255 * value for value in spec.std])),
        }
    )
    what = "RGB image, normalized as its process unit says"
    if told.given == "uint8":
        what = "RGB image, its pixels as they are"
    image = _table({0: RGB, 1: _table({0: spec.width, 1: spec.height}, kind="uint32")})
    given = _table(
        {
            0: _text("image"),
            1: _text(what),
            3: _table({0: IMAGE, 1: image}),
            4: _list([_table({0: NORMALIZATION, 1: normalization})]),
            5: _table(
                {
                    0: _floats([(1 - m) / s for m, s in zip(spec.mean, spec.std, strict=True)]),
                    1: _floats([-m / s for m, s in zip(spec.mean, spec.std, strict=True)]),
                }
            ),
        }
    )
    (first, *_) = told.outputs.outputs
    kind = VALUE_LABELS if first.dtype == "uint8" else AXIS_LABELS
    labels = _table({0: _text(LABELS), 1: _text("One class a line."), 2: kind})
    returned = [
        _table(
            {
                0: _text(name),
                3: _table({0: FEATURE, 1: _table({})}),
                **({6: _list([labels])} if index == 0 and description.labels else {}),
            }
        )
        for index, name in enumerate(told.outputs.names)
    ]
    subgraph = _table({2: _list([given]), 3: _list(returned)})
    properties = _table(
        {0: _text(PROPERTIES_FILE), 1: _text("As fbdeploy reads it."), 2: DESCRIPTIONS}
    )
    whole = _table(
        {
            0: _text(description.network),
            1: _text(f"{description.task} of images"),
            2: _text(description.version),
            3: _list([subgraph]),
            4: _text(MAKER),
            **({5: _text(description.license)} if description.license else {}),
            6: _list([properties]),
            7: _text(PARSER_VERSION),
        }
    )
    builder.Finish(whole(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def _alike(values: list[float]) -> list[float]:
    """One value where all channels have the same: MediaPipe 1.2 refuses one a channel."""
    return values if len(set(values)) > 1 else values[:1]


def _text(value: str) -> Write:
    return lambda builder: int(builder.CreateString(value))


def _floats(values: list[float]) -> Write:
    return lambda builder: int(builder.CreateNumpyVector(np.array(values, np.float32)))


def _list(items: list[Write]) -> Write:
    def write(builder: Any) -> int:
        places = [item(builder) for item in items]
        builder.StartVector(4, len(places), 4)
        for place in reversed(places):
            builder.PrependUOffsetTRelative(place)
        return int(builder.EndVector())

    return write


def _table(fields: dict[int, int | Write], kind: str = "int8") -> Write:
    """A table by its fields' numbers; whole numbers are of ``kind``."""

    def write(builder: Any) -> int:
        places = {slot: value(builder) for slot, value in fields.items() if callable(value)}
        builder.StartObject(max(fields, default=-1) + 1)
        for slot, value in fields.items():
            if callable(value):
                builder.PrependUOffsetTRelativeSlot(slot, places[slot], 0)
            elif kind == "uint32":
                builder.PrependUint32Slot(slot, value, 0)
            else:
                builder.PrependInt8Slot(slot, value, 0)
        return int(builder.EndObject())

    return write
