"""The figures of docs/robustness.md are those of the tests it names."""

from __future__ import annotations

from pathlib import Path

from benchmarks.fuzz.table import READERS
from tests.fbdeploy.cli.test_paths_matrix import ALL_COMMANDS, OPTIONS, REFUSED
from tests.fbdeploy.cli.types.test_types import KINDS, NO_NUMBERS
from tests.fuzz.test_readers import EXAMPLES
from tests.zoo.test_documents import BAD_JSON, BAD_TOML
from tests.zoo.test_files import FILE_REFUSED, FOLDER_REFUSED

PAGE = Path(__file__).parents[3] / "docs/robustness.md"


def test_the_page_counts_what_is_tried() -> None:
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    lines = sum(len(REFUSED[one.kind]) for one in OPTIONS)  # type: ignore[index]
    kinds = {text for texts in REFUSED.values() for text in texts}
    texts = sum(len(NO_NUMBERS) + len(more) for _, more in KINDS.values())
    for said in (
        f"{len(OPTIONS)} options of {len(ALL_COMMANDS)} commands",
        f"| {len(kinds)} (folders",
        f"{lines} command lines",
        f"{texts} texts of {len(KINDS)} options",
        f"{len(FILE_REFUSED) + len(FOLDER_REFUSED)} places",
        f"{len(BAD_JSON)} and {len(BAD_TOML)} (depth",
        f"damaged files of {len(READERS)} readers",
        f"{EXAMPLES:,} each",
    ):
        assert said in page, said
