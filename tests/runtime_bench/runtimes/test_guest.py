from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from export.inspection import inspect
from runtime_bench.machine.landlock import landlock_version
from runtime_bench.runtimes import guest, runtime_of
from runtime_bench.runtimes.guest import GuestSession, guest_session, inspect_as_guest
from runtime_bench.runtimes.outputs import noise
from tasks.logits import logits_of
from tests.runtime_bench.artefacts import Artefacts
from zoo.errors import InputError


@pytest.mark.parametrize("name", ["executorch", "torchscript", "onnx", "coreml", "litert"])
def test_a_guest_answers_as_the_runtime_here(artefacts: Artefacts, name: str) -> None:
    path = artefacts(name, "int8")
    here = runtime_of(path).load(path, 1)
    images = noise(here.input_shape, 3)
    with guest_session(path, 1) as session:
        assert session.input_shape == here.input_shape and session.threads == 1
        assert np.array_equal(logits_of(session.run(images)), logits_of(here.run(images)))
        assert logits_of(session.run(images[:0])).shape == (0, 0)
        # A batch that does not fit is refused, and the session goes on.
        with pytest.raises(InputError, match="does not fit"):
            session.run(images[:, :, 1:])
        assert np.array_equal(logits_of(session.run(images[:1])), logits_of(here.run(images[:1])))


def test_an_inspection_is_the_same(artefacts: Artefacts) -> None:
    path = artefacts("onnx", "int8")
    assert inspect_as_guest(path) == inspect(path)


def test_a_crash_is_one_line_and_leaves_nothing(
    artefacts: Artefacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    path = artefacts("onnx", "fp32")
    session = GuestSession(path, 1)
    assert [entry.name[:15] for entry in tmp_path.iterdir()] == ["fbdeploy-guest-"]
    os.kill(session._process._process.pid, signal.SIGSEGV)
    with pytest.raises(InputError, match=r"model\.onnx|crashed on it \(SIGSEGV\)") as caught:
        session.run(noise(session.input_shape, 1))
    assert "\n" not in str(caught.value) and "SIGSEGV" in str(caught.value)
    session.close()
    assert not list(tmp_path.iterdir())


def test_what_never_ends_is_ended(artefacts: Artefacts, monkeypatch: pytest.MonkeyPatch) -> None:
    session = GuestSession(artefacts("onnx", "fp32"), 1)
    monkeypatch.setattr(guest, "RUN_SECONDS", 0.2)
    os.kill(session._process._process.pid, signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(InputError, match="does not come to an end"):
        session.run(noise(session.input_shape, 1))
    assert time.monotonic() - began < 5
    session.close()


def test_a_guest_ends_with_its_parent(artefacts: Artefacts) -> None:
    session = GuestSession(artefacts("onnx", "fp32"), 1)
    process = session._process._process
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(20) == 0
    session.close()


@pytest.mark.parametrize("name", ["executorch", "onnx", "litert", "torchscript"])
def test_damaged_files_are_one_line_or_run(artefacts: Artefacts, tmp_path: Path, name: str) -> None:
    """Flipped bytes give a refusal or an answer, whatever the runtime does with them."""
    good = artefacts(name, "fp32")
    content = bytearray(good.read_bytes())
    generator = np.random.default_rng(3)
    for position in generator.integers(8, len(content), 40):
        content[position] ^= int(generator.integers(1, 256))
    path = tmp_path / f"flipped{good.suffix}"
    path.write_bytes(content)
    try:
        with guest_session(path, 1) as session:
            session.run(noise(session.input_shape, 1))
    except InputError as error:
        assert str(path) in str(error) and "\n" not in str(error) and len(str(error)) < 500


@pytest.mark.skipif(landlock_version() == 0, reason="the kernel has no Landlock")
def test_code_that_got_past_the_reader_changes_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader of code is switched off in the guest, as if a way around it had been found."""

    class Hostile(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            held = torch.from_file("victim", True, 16, dtype=torch.uint8)
            held.fill_(65)
            return x.mean((2, 3)) + held.float().sum() * 0

    (tmp_path / "victim").write_text("precious-content")
    path = tmp_path / "hostile.pt"
    torch.jit.save(torch.jit.script(Hostile()), str(path), _extra_files={"input_shape": "1,3,8,8"})
    blind = (
        "import sys, export.torchscript_code as code; code.refuse_unsafe_code = lambda path: None\n"
        "from runtime_bench.runtimes.guest_process import main; main(sys.argv[1:])"
    )
    monkeypatch.setattr(
        guest, "module_command", lambda module, *more: [sys.executable, "-c", blind, *more]
    )
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="cannot be run"), guest_session(path, 1) as session:
        session.run(noise(session.input_shape, 1))
    assert (tmp_path / "victim").read_text() == "precious-content"
