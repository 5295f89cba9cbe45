"""What artefacts tell of themselves, as the readers of their own formats find it."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import zoo
from export.description import Description
from export.format_info import FORMAT_INFO
from export.formats import FORMATS
from export.stored_names import LABELS, LABELS_FILE, METADATA, METADATA_FILE
from export.tflite_metadata import TfliteMetadata, metadata
from runtime_bench.runtimes import RUNTIMES
from tests.export.conftest import Workshop
from tests.quantize.small_networks import tiny_network
from zoo.input_spec import InputSpec
from zoo.outputs import LOGITS


def _description(spec: InputSpec, classes: int) -> Description:
    labels = tuple(f"class {index} \N{LATIN SMALL LETTER E WITH ACUTE}" for index in range(classes))
    return Description("tiny", "classification", labels, spec, "ab" * 32, "1.2.3", "Apache-2.0")


def _made(workshop: Workshop, form: str, path: Path) -> Description:
    told = _description(workshop.program.input_spec, tiny_network().num_classes)
    FORMATS[form].export(workshop.source("fp32", description=told), path)
    return told


@pytest.mark.parametrize("form", [name for name in FORMAT_INFO])
def test_it_is_found_by_the_format_s_own_reader(
    workshop: Workshop, tmp_path: Path, form: str
) -> None:
    path = tmp_path / f"model{FORMAT_INFO[form].suffix}"
    told = _made(workshop, form, path)
    found, lines = READERS[form](path)
    assert json.loads(found["labels"]) == list(told.labels)
    given = json.loads(found["input"])
    assert given["mean"] == list(told.input_spec.mean) and given["color"] == "RGB"
    assert given["layout"] == FORMAT_INFO[form].layouts[0]
    assert found["made_from_sha256"] == "ab" * 32 and found["fbdeploy_version"] == "1.2.3"
    assert found["network"] == "tiny" and found["task"] == "classification"
    assert lines is None or lines.splitlines() == list(told.labels)
    session = RUNTIMES[form].load(path, 1)
    batch = np.zeros((1, *told.input_spec.shape[1:]), np.float32)
    (values,) = session.run(batch).values()
    assert values.shape == (1, len(told.labels))


@pytest.mark.parametrize("form", [name for name in FORMAT_INFO])
def test_no_file_tells_in_which_folders_it_was_made(
    workshop: Workshop, tmp_path: Path, form: str
) -> None:
    path = tmp_path / f"model{FORMAT_INFO[form].suffix}"
    FORMATS[form].export(workshop.source("fp32"), path)
    files = [part for part in path.rglob("*") if part.is_file()] if path.is_dir() else [path]
    code = [Path(module.__file__ or "").parent for module in (zoo, torch)]
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            contents = [archive.read(name) for name in archive.namelist()]
    else:
        contents = [part.read_bytes() for part in files]
    for folder in (tmp_path, *code):
        assert not [1 for content in contents if str(folder).encode() in content], folder


def _onnx(path: Path) -> tuple[dict[str, str], str | None]:
    import onnxruntime

    meta = onnxruntime.InferenceSession(str(path)).get_modelmeta()
    assert (meta.producer_name, meta.graph_name) == ("fbdeploy", "tiny")
    return dict(meta.custom_metadata_map), None


def _coreml(path: Path) -> tuple[dict[str, str], str | None]:
    import coremltools

    description = coremltools.utils.load_spec(str(path)).description
    about = description.metadata
    assert (about.author, about.versionString, about.license) == (
        *("fbdeploy", "1.2.3", "Apache-2.0"),
    )
    assert "normalized" in description.input[0].shortDescription
    return dict(about.userDefined), None


def _torchscript(path: Path) -> tuple[dict[str, str], str | None]:
    extra: dict[str, Any] = {LABELS_FILE: "", METADATA_FILE: ""}
    torch.jit.load(str(path), _extra_files=extra)
    texts = {k: v.decode() if isinstance(v, bytes) else v for k, v in extra.items()}
    return json.loads(texts[METADATA_FILE]), texts[LABELS_FILE]


def _executorch(path: Path) -> tuple[dict[str, str], str | None]:
    from executorch.runtime import Runtime

    program = Runtime.get().load_program(path)
    assert {"forward", LABELS, METADATA} <= program.method_names

    def text(method: str) -> str:
        (stored,) = program.load_method(method).execute([])
        return bytes(stored.numpy()).decode()

    return json.loads(text(METADATA)), text(LABELS)


def _litert(path: Path) -> tuple[dict[str, str], str | None]:
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        assert set(archive.namelist()) == {"labels.txt", "fbdeploy.json"}
        return json.loads(archive.read("fbdeploy.json")), archive.read("labels.txt").decode()


READERS = {
    "onnx": _onnx,
    "coreml": _coreml,
    "torchscript": _torchscript,
    "executorch": _executorch,
    "litert": _litert,
}


def test_tensorflow_lite_s_metadata(workshop: Workshop, tmp_path: Path) -> None:
    """By the field numbers of metadata_schema.fbs. MediaPipe 1.2.3's generated reader and its image
    classifier were held against such a file by hand: the same top five, the same scores."""
    from ai_edge_litert import schema_py_generated as schema

    path = tmp_path / "model.tflite"
    told = _made(workshop, "litert", path)
    model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    (entry,) = [one for one in model.metadata if one.name == b"TFLITE_METADATA"]
    data = bytes(bytearray(model.buffers[entry.buffer].data))
    assert data[4:8] == b"M001"
    whole = _Table(data, int.from_bytes(data[:4], "little"))
    assert [whole.text(slot) for slot in (0, 2, 4, 5)] == [
        "tiny",
        "1.2.3",
        "fbdeploy",
        "Apache-2.0",
    ]
    (subgraph,) = whole.tables(3)
    (given,), (returned,) = subgraph.tables(2), subgraph.tables(3)
    (unit,) = given.tables(4)
    assert unit.byte(0) == 1  # NormalizationOptions
    mean, deviation = (unit.table(1).floats(slot) for slot in (0, 1))
    assert np.allclose(mean, [255 * value for value in told.input_spec.mean], rtol=1e-6)
    assert np.allclose(deviation, [255 * value for value in told.input_spec.std], rtol=1e-6)
    content = given.table(3)
    assert content.byte(0) == 2 and content.table(1).byte(0) == 1  # ImageProperties, RGB
    size = content.table(1).table(1)
    assert (size.number(0), size.number(1)) == (told.input_spec.width, told.input_spec.height)
    (labels,) = returned.tables(6)
    assert labels.text(0) == "labels.txt" and labels.byte(2) == 2  # TENSOR_AXIS_LABELS


def test_one_normalization_for_all_channels_is_one_number() -> None:
    """MediaPipe refuses one a channel, even where all are the same."""
    spec = InputSpec(8, 8, mean=(0.5,) * 3, std=(0.25,) * 3)
    data = metadata(TfliteMetadata(_description(spec, 2), "nhwc", "float32", LOGITS))
    (subgraph,) = _Table(data, int.from_bytes(data[:4], "little")).tables(3)
    options = subgraph.tables(2)[0].tables(4)[0].table(1)
    assert (options.floats(0), options.floats(1)) == ([127.5], [63.75])


class _Table:
    """A table of a flatbuffer by the numbers of its fields."""

    def __init__(self, data: bytes, place: int) -> None:
        self.data, self.place = data, place

    def _at(self, slot: int) -> int:
        fields = self.place - self._signed(self.place)
        offset = int.from_bytes(self.data[fields + 4 + 2 * slot :][:2], "little")
        assert offset, f"field {slot} is not there"
        return self.place + offset

    def _signed(self, place: int) -> int:
        return int.from_bytes(self.data[place : place + 4], "little", signed=True)

    def _there(self, place: int) -> int:
        return place + self._signed(place)

    def byte(self, slot: int) -> int:
        return self.data[self._at(slot)]

    def number(self, slot: int) -> int:
        return self._signed(self._at(slot))

    def text(self, slot: int) -> str:
        place = self._there(self._at(slot))
        return self.data[place + 4 : place + 4 + self._signed(place)].decode()

    def floats(self, slot: int) -> list[float]:
        place = self._there(self._at(slot))
        return np.frombuffer(self.data, "<f4", self._signed(place), place + 4).tolist()

    def table(self, slot: int) -> _Table:
        return _Table(self.data, self._there(self._at(slot)))

    def tables(self, slot: int) -> list[_Table]:
        place = self._there(self._at(slot))
        starts = range(place + 4, place + 4 + 4 * self._signed(place), 4)
        return [_Table(self.data, self._there(start)) for start in starts]
