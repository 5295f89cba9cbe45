"""What an app carries of artefact and runtime."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from export.format_info import FORMAT_INFO
from fbdeploy.report.page import write_report
from fbdeploy.report.sizes import app_sizes, runtime_size
from fbdeploy.report.views import views
from tests.fbdeploy.samples import sample

TOOLS = Path(os.environ.get("FBDEPLOY_TOOLS", Path(__file__).parents[3] / "build/tools"))


def test_every_format_has_a_size_or_says_why_not() -> None:
    for fmt, info in FORMAT_INFO.items():
        size = runtime_size(fmt)
        assert size.source
        assert size.bytes is not None or not info.apps, "what the apps run is measured"


def test_the_smallest_together_comes_first() -> None:
    main, *_ = views(*sample())
    sizes = app_sizes(main.ranked)
    assert {size.one.row.path for size in sizes} == {one.row.path for one in main.ranked}
    known = [size.together for size in sizes if size.together is not None]
    assert known == sorted(known) and len(known) < len(sizes)
    assert all(size.together is None for size in sizes[len(known) :])
    onnx = next(size for size in sizes if size.one.row.format == "onnx")
    assert onnx.together == onnx.one.row.bytes + 32_232_640


def test_the_report_has_them_with_their_sources(tmp_path: Path) -> None:
    page = write_report(tmp_path, *sample()).read_text()
    part = page.partition('id="sizes"')[2].partition("</section>")[0]
    assert "32.2\N{NO-BREAK SPACE}MB" in part and "onnxruntime-android 1.29.0" in part


def test_onnxruntime_s_is_that_of_the_android_package() -> None:
    libraries = TOOLS / "android/ort/aar/jni/arm64-v8a"
    if not libraries.exists():
        pytest.skip("android_demo/ci/tools.sh has not run")
    found = sum(library.stat().st_size for library in libraries.glob("*.so"))
    assert runtime_size("onnx").bytes == found
