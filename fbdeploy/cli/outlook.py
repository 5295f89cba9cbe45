"""What ``deploy --dry-run`` says on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fbdeploy.report import numbers
from fbdeploy.report.recommend import name_in_words
from fbdeploy.report.table import table

if TYPE_CHECKING:
    from fbdeploy.pipeline.outlook import Outlook


def outlook_text(found: Outlook) -> str:
    """Two tables, the totals and what is not known."""
    files = [
        (
            name_in_words(one.format, one.build, one.variant),
            f"{found.output}/{one.path}",
            numbers.UNKNOWN if one.bytes is None else numbers.size(one.bytes),
        )
        for one in found.artefacts
    ]
    steps = [
        (one.step, numbers.duration(one.seconds), numbers.size(one.memory_bytes))
        for one in found.steps
    ]
    disk = (
        "an unknown part" if found.disk_bytes is None else f"about {numbers.size(found.disk_bytes)}"
    )
    said = [
        table(("would be made", "", "about"), files, left=(0, 1)),
        "",
        table(("step", "time", "memory"), steps),
        "",
        f"At least {numbers.duration(found.seconds)} for the steps with a time; up to "
        f"{numbers.size(found.peak_memory_bytes)} of memory, of which "
        f"{numbers.size(found.available_memory_bytes)} are free; {disk} of the disk, of which "
        f"{numbers.size(found.free_disk_bytes)} are free.",
        *(f"{note}." for note in found.notes),
        "Nothing was made.",
    ]
    return "\n".join(said)
