from __future__ import annotations

from pathlib import Path

from fbdeploy.report.summary import summary
from tests.fbdeploy.samples import on_phone, sample


def test_it_says_whose_times_it_shows_where_there_are_others() -> None:
    manifest, lines = sample()
    assert "p50 is of" not in summary(manifest, lines, Path("report.html"))
    here = "p50 is of a made-up processor (local), 1 thread"
    phone = on_phone(lines, {"int8/model.onnx": 6.0}, cpu_mask=(6, 7))
    said = summary(manifest, [*lines, *phone], Path("report.html"))
    there = "Maker Phone 1 (adb://P1), 1 thread, cores 6, 7"
    assert f"{here}; the report also has {there}." in said and "6.00" not in said
    alone = summary(manifest, [*[one for one in lines if one.type != "latency"], *phone], Path("r"))
    assert f"p50 is of {there}." in alone and "6.00 ms" in alone
