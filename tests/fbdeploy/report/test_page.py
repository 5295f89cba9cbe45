from __future__ import annotations

import html
import re
from html.parser import HTMLParser

from fbdeploy.records.fidelity import FloatCheck
from fbdeploy.records.manifest import (
    Failure,
    NetworkInfo,
)
from fbdeploy.records.results import EvaluationLine
from fbdeploy.report.page import render
from runtime_bench.measurement import Measurement
from tests.fbdeploy.samples import on_phone, sample

VOID = {"meta", "link", "br", "img", "hr", "input"}


class Nesting(HTMLParser):
    """Checks that every element is closed, and collects the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def _text(page: str) -> str:
    parser = Nesting()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return re.sub(r"\s+", " ", "".join(parser.text))


def _text_of(part: str) -> str:
    """The text of a part of a page, which need not close what it opens."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", part)))


def test_it_says_what_to_ship_and_shows_every_artefact() -> None:
    manifest, lines = sample()
    text = _text(render(manifest, lines))
    assert "Ship this ONNX int8" in text
    # Both in the table and in the lines of a phone.
    assert text.count("not measured: Core ML runs on Apple devices only") == 2 * 2
    islands = "2 × MUL, HARD_SWISH in float, between int8 operators, 5.0 % of the cost (no kernel)"
    for part in ("measured", "McNemar", islands, "cross-layer"):
        assert part in text
    for entry in manifest.artefacts:
        assert entry.sha256 in text


def test_it_loads_nothing() -> None:
    page = render(*sample())
    links = set(re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)""", page))
    assert links == {"data:,", *(entry.path for entry in sample()[0].artefacts)}
    assert "<script" not in page and "@import" not in page and "url(" not in page


def test_the_order_is_the_rule_s_with_times_as_fast_and_parity() -> None:
    manifest, lines = sample()
    page = render(manifest, lines)
    names = re.findall(
        r'<span class="place">\d+</span><span class="name">([^<]+)</span> '
        r"<small>(\w+)",
        page,
    )
    # ONNX and ExecuTorch int8 cannot be told apart in speed: the smaller file is first. LiteRT int8
    # would be the fastest, and is worse.
    assert [" ".join(name) for name in names] == [
        "ONNX int8",
        "ExecuTorch int8",
        "ONNX fp32",
        "TorchScript int8",
        "LiteRT fp32",
        "ExecuTorch fp32",
        "TorchScript fp32",
        "Core ML int8",
        "Core ML fp32",
        "LiteRT int8",
    ]
    table = _text(page)
    table = table[table.index("Sorted by the rule") :]
    assert f"{2.81 / 1.63:.2f} ×" in table
    assert "✓ equal as accurate as float" in table
    assert "less accurate" in table


def test_each_platform_has_a_pick() -> None:
    manifest, lines = sample()
    text = _text(render(manifest, lines, folder="mine"))
    assert "Android ONNX int8" in text and "iOS ExecuTorch int8" in text
    assert "none was taken on an Android phone" in text and "none was taken on an iPhone" in text
    assert "Core ML int8 is as accurate and has no time yet" in text
    assert "fbdeploy bench mine/int8/model.onnx --target adb://SERIAL" in text
    assert "fbdeploy bundle mine --app ios_demo" in text
    for code in ("OrtEnvironment.getEnvironment()", "Module(filePath:", "InferenceSession("):
        assert code in text


def test_a_file_that_takes_pixels_is_said_to_and_gets_no_code_for_floats() -> None:
    manifest, lines = sample()
    changed = tuple(
        entry.model_copy(update={"input": "uint8"}) if entry.name == "onnx int8" else entry
        for entry in manifest.artefacts
    )
    text = _text(render(manifest.model_copy(update={"artefacts": changed}), lines))
    assert "(ONNX int8: the values 0 to 255 as they are) and gives float32" in text
    assert "InferenceSession(" not in text and "Module(filePath:" in text


def test_an_iphone_s_own_times_decide_for_it() -> None:
    manifest, lines = sample()
    here = next(line for line in lines if isinstance(line, Measurement))
    coreml = next(entry for entry in manifest.artefacts if entry.name == "coreml int8")
    phone = here.device.model_copy(update={"os": "ios 18.1"})
    there = {"sha256": coreml.sha256, "format": "coreml", "target": "app://ios", "device": phone}
    text = _text(render(manifest, [*lines, here.model_copy(update=there)]))
    assert "iOS Core ML int8" in text and "none was taken on an iPhone" not in text
    assert "ExecuTorch int8 is as accurate and has no time yet" in text


def test_each_target_has_an_order_charts_and_a_recommendation_of_its_own() -> None:
    manifest, lines = sample()
    phone = on_phone(
        lines, {"int8/model.pte": 0.5, "int8/model.onnx": 6.0, "fp32/model.onnx": 9.0}, threads=4
    )
    page = render(manifest, [*lines, *phone])
    text = _text(page)
    assert "Times of a made-up processor (local), 1 thread." in text
    assert "Those of Maker Phone 1 (adb://P1), 4 threads stand apart" in text
    main, there = page.split('<h2 id="elsewhere">')
    there = there.split("<section")[0]
    assert "Ship this ONNX int8" in _text_of(main) and "6.00" not in main
    told = _text_of(there)
    assert "Ship ExecuTorch int8. The fastest of the 3 artefacts as accurate as float" in told
    assert "0.5 ms at the median (measured, Maker Phone 1, adb://P1, 4 threads)" in told
    assert f"It is {9.0 / 0.5:.2f} times as fast as the fastest float artefact (ONNX fp32" in told
    names = re.findall(r'<span class="place">(\d+)</span><span class="name">([^<]+)', there)
    assert names == [("1", "ExecuTorch"), ("2", "ONNX"), ("3", "ONNX")]
    assert there.count("<svg") == 2 and main.count("<svg") == 2
    assert "no time" not in told and "1.63" not in told
    # Its own times decide for Android; iOS has none but this machine's.
    assert "Android ExecuTorch int8" in text and "none was taken on an iPhone" in text
    assert "none was taken on an Android phone" not in text
    assert "Latency: measured on adb://P1 (Maker Phone 1), 4 threads, batch 1" in text


def test_times_of_another_phone_are_not_called_this_machine_s() -> None:
    manifest, lines = sample()
    scores = [line for line in lines if isinstance(line, EvaluationLine)]
    text = _text(render(manifest, [*scores, *on_phone(lines, {"int8/model.pte": 0.5})]))
    assert "By times of Maker Phone 1: none was taken on an iPhone." in text
    assert "this machine's" not in text and "stand apart" not in text


def test_starts_and_memory_stand_beside_latency() -> None:
    manifest, lines = sample()
    assert "Peak memory" not in render(manifest, lines)
    more = {"load_ns": (2_000_000, 4_000_000, 9_000_000), "first_run_ns": (7_500_000,)}
    told = [
        line.model_copy(update=more | {"peak_memory_bytes": 12_340_000})
        if isinstance(line, Measurement)
        else line
        for line in lines
    ]
    text = _text(render(manifest, told))
    assert "LoadFirst runPeak memory" in text and "4.007.5012.3 MB" in text


def test_what_failed_is_shown() -> None:
    manifest, lines = sample()
    failure = Failure(
        format="litert", precision="int8", step="export", message="no kernel", log="logs/x.log"
    )
    text = _text(render(manifest.model_copy(update={"failures": (failure,)}), lines))
    assert (
        "Read this first LiteRT int8 export failed: no kernel (log: logs/x.log). Ship this" in text
    )


def test_what_cannot_be_told_has_no_green_card() -> None:
    manifest, lines = sample()
    few = [
        line.model_copy(
            update={
                "images": 116,
                "scores": tuple(
                    score.model_copy(update={"difference_interval": (-0.05, 0.05), "p": 1.0})
                    if score.metric == "top1"
                    else score
                    for score in line.scores
                ),
            }
        )
        if isinstance(line, EvaluationLine)
        else line
        for line in lines
    ]
    page = render(manifest, few)
    text = _text(page)
    assert '<section class="ship none"' in page and "Ship this" not in text
    assert "Safest until more is known" in text
    assert "cannot be told on 116 images; about" in text


def test_a_float_network_that_only_guesses_has_no_green_card() -> None:
    manifest, lines = sample()
    guess = FloatCheck(
        images=2000,
        top1=0.1,
        chance=0.1,
        chance_p=0.5,
        commonest_class=3,
        commonest_share=1.0,
        better_than_chance=False,
        varied=False,
    )
    page = render(manifest.model_copy(update={"float_check": guess}), lines)
    assert '<section class="ship none"' in page
    text = _text(page)
    assert "Read this first The float network answers class 3" in text
    assert text.index("Read this first") < text.index("Safest until more is known")


def test_names_are_escaped() -> None:
    manifest, lines = sample()
    info = NetworkInfo(name="<script>alert(1)</script>", source="user", num_classes=2)
    page = render(manifest.model_copy(update={"network": info}), lines)
    assert "<script>" not in page
    assert html.escape(info.name) in page


def test_nothing_measured_yet() -> None:
    manifest, _ = sample()
    text = _text(render(manifest, []))
    assert "Nothing to ship yet" in text
    assert "No artefact has both an accuracy and a latency yet." in text


def test_float_only() -> None:
    manifest, lines = sample()
    kept = tuple(entry for entry in manifest.artefacts if entry.precision == "fp32")
    manifest = manifest.model_copy(update={"artefacts": kept, "quantizations": {}})
    assert "Ship this ONNX fp32" in _text(render(manifest, lines))
