from __future__ import annotations

from typing import Any

from fbdeploy.records.rows import LatencyPercentiles, ResultRow, summarize
from fbdeploy.report.recommend import recommend, same_speed
from tests.fbdeploy.samples import sample, told


def row(
    name: str, p50: float | None = 1.0, difference: float | None = 0.0, **more: Any
) -> ResultRow:
    form, precision = name.split()
    fields: dict[str, Any] = {
        "format": form,
        "precision": precision,
        "program": "ptq" if precision == "int8" else "",
        "variant": "",
        "path": f"{precision}/model",
        "bytes": 1000,
        "images": 1000,
        "top1": None if difference is None else 0.9 + difference,
        "top5": None,
        "top1_interval": None,
        "agreement": 0.99,
        "kl": 0.001,
        "top1_difference": difference,
        "difference_interval": None
        if difference is None
        else (difference - 0.004, difference + 0.004),
        "mcnemar_p": 0.01,
        "parity_max_abs": 0.0,
        "rejected": False,
        "latency_ms": LatencyPercentiles(p50=p50, p90=p50, p99=p50) if p50 else None,
        "p50_interval": None,
        "latency_kind": "measured",
        "latency_note": "",
        "target": "local",
        "threads": 1,
        "int8_share": 1.0,
        "delegated_share": 1.0,
    }
    fields |= more
    fields["scores"] = told(
        fields["top1"],
        fields["agreement"],
        difference=fields["top1_difference"],
        difference_interval=fields["difference_interval"],
        p=fields["mcnemar_p"],
    )
    return ResultRow(**fields)


def test_the_fastest_accurate_artefact_is_chosen_and_the_faster_one_is_explained() -> None:
    advice = recommend(
        [
            row("onnx fp32", 4.0),
            row("onnx int8", 2.0),
            row("litert int8", 1.0, difference=-0.02, mcnemar_p=1e-6),
        ]
    )
    assert advice.row is not None and advice.row.format == "onnx"
    assert advice.ties == ()
    text = " ".join(advice.reasons)
    assert "The fastest of the 2 artefacts as accurate as float: 2.00 ms" in text
    assert "2.00 times as fast as the fastest float artefact (ONNX fp32, 4.00 ms)" in text
    assert "LiteRT int8 would be faster, at 1.00 ms, but loses accuracy: −2.00 points" in text


def test_a_tie_goes_to_the_smaller_file_and_is_named() -> None:
    advice = recommend([row("onnx int8", 1.0, bytes=2000), row("litert int8", 1.02, bytes=1500)])
    assert advice.row is not None and advice.row.format == "litert"
    assert [tie.format for tie in advice.ties] == ["onnx"]
    assert "ONNX int8 cannot be told apart from it in speed" in advice.reasons[0]


def test_intervals_decide_ties_where_there_are_any() -> None:
    first = row("onnx int8", 1.0, p50_interval=(0.99, 1.01))
    second = row("litert int8", 1.02, p50_interval=(1.015, 1.03))
    assert not same_speed(first, second)
    assert same_speed(first, row("litert int8", 1.02, p50_interval=(1.01, 1.03)))


def test_artefacts_timed_in_another_way_are_no_tie() -> None:
    advice = recommend([row("onnx int8", 1.0), row("litert int8", 1.01, threads=2, bytes=1)])
    assert advice.row is not None and advice.row.format == "onnx"


def test_times_of_two_devices_are_not_held_against_each_other() -> None:
    advice = recommend(
        [
            row("onnx fp32", 4.0, device="this"),
            row("onnx int8", 1.0, device="that", target="adb://X"),
        ]
    )
    assert not any("times as fast" in reason for reason in advice.reasons)
    in_app = {"device": "that", "target": "app://android/that/"}
    apps = [
        row("onnx fp32", 4.0, **in_app | {"target": "app://android/that/ort"}),
        row("litert int8", 1.0, **in_app | {"target": "app://android/that/LiteRT"}),
    ]
    assert any("4.00 times as fast" in reason for reason in recommend(apps).reasons)


def test_without_latency_the_smallest_is_chosen_and_said_so() -> None:
    advice = recommend([row("coreml fp32", None, bytes=4000), row("coreml int8", None)])
    assert advice.row is not None and advice.row.precision == "int8"
    assert "No latency was measured, so this is the smallest of the 2 art" in advice.reasons[0]
    alone = recommend([row("coreml fp32", None)])
    assert "this is the one artefact that is as accurate as float." in alone.reasons[0]


def test_what_cannot_be_told_is_never_sure_and_float_is_recommended() -> None:
    wide = {"images": 116, "difference_interval": (-0.06, 0.06), "mcnemar_p": 1.0}
    advice = recommend([row("onnx fp32", 4.0, **wide), row("onnx int8", 2.0, **wide)])
    assert advice.row is not None and advice.row.precision == "fp32"
    assert not advice.sure
    assert advice.reasons[0].startswith(
        "Whether ONNX int8 is as accurate as float cannot be told on 116 images; about "
    )
    assert advice.reasons[0].endswith(" would be needed.")


def test_without_float_the_least_uncertain_is_named() -> None:
    advice = recommend(
        [
            row("onnx int8", 1.0, images=116, difference_interval=(-0.08, 0.05)),
            row("litert int8", 2.0, images=116, difference_interval=(-0.03, 0.03)),
        ]
    )
    assert advice.row is not None and advice.row.format == "litert"
    assert not advice.sure and "cannot be told on 116 images" in advice.reasons[0]


def test_an_undecided_artefact_that_is_slower_changes_nothing() -> None:
    advice = recommend(
        [row("onnx int8", 1.0), row("litert int8", 2.0, difference_interval=(-0.03, 0.03))]
    )
    assert advice.sure and advice.row is not None and advice.row.format == "onnx"


def test_a_rejected_artefact_is_never_recommended() -> None:
    advice = recommend([row("onnx int8", 1.0, rejected=True), row("onnx fp32", 2.0)])
    assert advice.row is not None and advice.row.precision == "fp32"
    assert advice.sure
    assert recommend([row("onnx int8", 1.0, rejected=True)]).row is None


def test_nothing_to_ship() -> None:
    advice = recommend([row("onnx int8", difference=-0.1)])
    assert advice.row is None
    assert "the nearest is ONNX int8 (−10.00 points of top-1)" in advice.reasons[0]
    assert recommend([]).row is None


def test_the_sample() -> None:
    advice = recommend(summarize(*sample()))
    assert advice.row is not None
    assert (advice.row.format, advice.row.precision) == ("onnx", "int8")
    assert [(tie.format, tie.precision) for tie in advice.ties] == [("executorch", "int8")]
