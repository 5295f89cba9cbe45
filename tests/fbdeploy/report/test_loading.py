"""The code that the report gives to copy: Python's is run, the apps' name what their apps use."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.format_info import FORMAT_INFO
from fbdeploy.records.manifest import Artefact, Manifest, OutputInfo
from fbdeploy.report.loading import loading
from runtime_bench.runtimes import RUNTIMES
from tests.fbdeploy.samples import sample
from tests.runtime_bench.artefacts import SIZE, Artefacts, images
from zoo.input_spec import InputSpec

ROOT = Path(__file__).parents[3]


def _described(fmt: str, path: str) -> tuple[Manifest, Artefact]:
    manifest = sample()[0]
    entry = next(one for one in manifest.artefacts if one.name == f"{fmt} fp32")
    entry = entry.model_copy(update={"path": path, "runtime_version": f"{fmt}-runtime 9.8.7"})
    logits = OutputInfo(name="logits", shape=(1, 7))
    network = manifest.network.model_copy(update={"outputs": (logits,)})
    spec = InputSpec(SIZE, SIZE, crop_pct=1.0)
    return manifest.model_copy(update={"network": network, "input_spec": spec}), entry


@pytest.fixture(scope="module")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> Artefacts:
    return Artefacts(tmp_path_factory.mktemp("artefacts"))


@pytest.mark.parametrize("fmt", ["executorch", "torchscript", "litert"])
def test_python_code_answers_as_the_runtime_does(fmt: str, artefacts: Artefacts) -> None:
    path = artefacts(fmt, "fp32")
    code = loading(*_described(fmt, str(path)), "python")
    assert code is not None
    pixels = images(1)
    # Before the code, since ExecuTorch has one pool of threads a process.
    session = RUNTIMES[fmt].load(path, 1)
    (wanted,) = session.run(pixels).values()
    del session
    names: dict[str, Any] = {"pixels": pixels}
    exec(code.code, names)  # it is ours
    assert np.allclose(np.asarray(names["logits"].tolist()), wanted, rtol=1e-4, atol=1e-5)


def test_onnx_s_code_calls_tensors_as_our_files_do(capfd: pytest.CaptureFixture[str]) -> None:
    import onnxruntime

    path = ROOT / "tests/version1/out/fp32/model.onnx"
    code = loading(*_described("onnx", str(path)), "python")
    assert code is not None
    shape = onnxruntime.InferenceSession(str(path)).get_inputs()[0].shape
    names: dict[str, Any] = {"pixels": np.zeros(shape, np.float32)}
    exec(code.code, names)
    assert names["logits"].shape == (1, 10)


def test_every_format_has_the_languages_of_its_apps() -> None:
    for name, info in FORMAT_INFO.items():
        described = _described(name, f"fp32/model{info.suffix}")
        assert loading(*described, "python") is not None
        for app, language in (("android", "kotlin"), ("ios", "swift")):
            found = loading(*described, language)  # type: ignore[arg-type]
            assert (found is not None) == (app in info.apps), (name, language)


@pytest.mark.parametrize(
    ("language", "folder", "suffix"),
    [("kotlin", "android_demo", "kt"), ("swift", "ios_demo", "swift")],
)
def test_an_app_s_code_uses_what_the_demo_app_uses(language: Any, folder: str, suffix: str) -> None:
    """The demo apps are compiled and run by their own tests; these lines call what they call."""
    sources = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / folder).rglob(f"*.{suffix}")
    )
    catalogue = (ROOT / "android_demo/gradle/libs.versions.toml").read_text(encoding="utf-8")
    for name in FORMAT_INFO:
        found = loading(*_described(name, "int8/model"), language)
        if found is None:
            continue
        called = set(re.findall(r"\b([A-Z]\w+)[(.<]", found.code)) - {"ByteBuffer", "FloatBuffer"}
        assert called
        for one in called:
            assert re.search(rf"\b{one}\b", sources), (name, one)
        for package in re.findall(r'implementation\("(.*):([^:]+)"\)', found.code):
            assert f'"{package[0]}"' in catalogue and package[1] == "9.8.7"
    described = _described("executorch", "m.pte")
    nhwc = described[1].model_copy(update={"layout": "nhwc"})
    code = loading(described[0], nhwc, language)
    assert code is not None
    assert re.search(r"1L?, 32L?, 32L?, 3L?\b", code.code)


def test_a_network_without_outputs_has_no_code() -> None:
    manifest, entry = _described("onnx", "int8/model.onnx")
    network = manifest.network.model_copy(update={"outputs": ()})
    assert loading(manifest.model_copy(update={"network": network}), entry, "python") is None
