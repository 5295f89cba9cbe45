"""What is wrong is said in whole sentences, the gravest first."""

from __future__ import annotations

from fbdeploy.records.fidelity import Fidelity, FloatCheck
from fbdeploy.records.manifest import (
    Failure,
)
from fbdeploy.report.problems import problems
from tests.fbdeploy.samples import sample


def test_all_is_well() -> None:
    assert problems(sample()[0]) == ()


def test_everything_that_is_wrong() -> None:
    manifest, _ = sample()
    (precision, program), *_ = manifest.quantizations.items()
    far = Fidelity(
        images=128,
        held_out=True,
        sqnr_db=4.9,
        agreement=0.12,
        criterion="at least 15 dB signal-to-noise",
        passed=False,
    )
    artefacts = list(manifest.artefacts)
    index = next(i for i, entry in enumerate(artefacts) if entry.name == "litert int8")
    parity = artefacts[index].parity
    assert parity is not None
    unequal = parity.model_copy(
        update={
            "passed": False,
            "sqnr_db": 4.0,
            "criterion": "at least 15.0 dB signal-to-noise",
            "parted_at": "blocks.1.se (conv2d)",
        }
    )
    artefacts[index] = artefacts[index].model_copy(update={"parity": unequal})
    failure = Failure(
        format="onnx", precision="int8", step="export", message="no kernel", log="logs/x.log"
    )
    check = FloatCheck(
        images=116,
        top1=0.0086,
        chance=0.0086,
        chance_p=0.6,
        commonest_class=1,
        commonest_share=0.2,
        better_than_chance=False,
        varied=True,
    )
    found = problems(
        manifest.model_copy(
            update={
                "quantizations": {precision: program.model_copy(update={"fidelity": far})},
                "float_check": check,
                "artefacts": tuple(artefacts),
                "failures": (failure,),
            }
        )
    )
    float_line, program_line, parity_line, failure_line = found
    assert float_line.startswith(
        "The float network is no better than chance: its top-1 is 0.86\N{NO-BREAK SPACE}% on 116 "
    )
    assert program_line.startswith(
        "int8: the quantized program is not the float network: 4.9 dB signal-to-noise and the "
        "same class on 12\N{NO-BREAK SPACE}% of 128 held-out images, not at least 15 dB"
    )
    assert parity_line == (
        "LiteRT int8 does not equal the quantized program: 4.0 dB, not at least 15.0 dB "
        "signal-to-noise; the first layer to differ is blocks.1.se (conv2d). "
        "It is kept as int8/model.tflite, not to be shipped"
    )
    assert failure_line == "ONNX int8 export failed: no kernel (log: logs/x.log)"


def test_one_reason_of_several_builds_is_said_once() -> None:
    manifest, _ = sample()
    reasons = [("onnx", "fp32"), ("litert", "fp32"), ("onnx", "int8"), ("onnx", "int8-qat")]
    failures = [
        Failure.of(fmt, build, "export", f"{fmt} has no aten.foo")  # type: ignore[arg-type]
        for fmt, build in reasons
    ]
    other = Failure.of("onnx", "int8", "export", "something else")
    assert problems(manifest.model_copy(update={"failures": (*failures, other)})) == (
        "ONNX fp32 and int8 and int8-qat export failed: onnx has no aten.foo",
        "LiteRT fp32 export failed: litert has no aten.foo",
        "ONNX int8 export failed: something else",
    )
