from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from fbdeploy.records.manifest import FILE_NAME, Manifest, read_manifest, write_manifest
from tests.fbdeploy.samples import sample
from zoo.errors import InputError

DOCS = Path(__file__).parents[3] / "docs/results.md"


def test_it_comes_back_as_it_was_written(tmp_path: Path) -> None:
    manifest, _ = sample()
    write_manifest(tmp_path, manifest)
    assert read_manifest(tmp_path) == manifest
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "schema_version None"),
        ('{"schema_version": 3}', "schema_version 3"),
        ('{"schema_version": 2}', "fbdeploy_version: Field required"),
        ('{"schema_version": 1}', "fbdeploy_version: Field required"),
    ],
)
def test_what_is_no_manifest_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(InputError, match=re.escape(said)) as caught:
        read_manifest(tmp_path)
    assert "\n" not in str(caught.value) and str(tmp_path) in str(caught.value)


def test_a_folder_without_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no manifest\.json"):
        read_manifest(tmp_path)


def test_the_documented_schema_is_the_one_in_force() -> None:
    """Regenerate with: python -m tests.fbdeploy.write_schema"""
    block = re.search(r"```json schema\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    assert json.loads(block[1]) == Manifest.model_json_schema()
