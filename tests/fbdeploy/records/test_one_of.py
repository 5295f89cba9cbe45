from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ValidationError

from export.format_info import FORMAT_INFO
from fbdeploy.records.manifest import Format
from fbdeploy.records.one_of import OneOf


class Table(BaseModel):
    name: Annotated[str, OneOf(("a", "b"))]


class Written(BaseModel):
    name: Literal["a", "b"]


def test_it_is_read_and_described_as_a_literal_is() -> None:
    assert Table(name="b").name == "b"
    described = [model.model_json_schema()["properties"] for model in (Table, Written)]
    assert described[0] == described[1]
    said = []
    for model in (Table, Written):
        with pytest.raises(ValidationError) as caught:
            model.model_validate({"name": "c"})
        said.append(caught.value.errors()[0]["msg"])
    assert said[0] == said[1]


def test_formats_of_documents_are_those_of_the_table() -> None:
    class Document(BaseModel):
        format: Format

    schema = Document.model_json_schema()["properties"]["format"]
    assert schema["enum"] == list(FORMAT_INFO)
