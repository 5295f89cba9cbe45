"""Artefacts from elsewhere, loaded and looked into in a process of their own.

A damaged or hostile file can crash its runtime, never end, or, as TorchScript, write other files:
there it costs a line of error. The process may change no files but in a folder of its own where the
kernel has Landlock (``confined``).
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from export.inspection.inspection import Inspection
from runtime_bench.machine.commands import last_line
from runtime_bench.machine.landlock import landlock_version
from runtime_bench.machine.python_process import module_command, with_our_packages
from runtime_bench.runtimes.ports import FloatArray, Normalization, Size
from zoo.errors import InputError

LOAD_SECONDS = 180.0
"""For imports and one load: 30 s on two busy cores for the largest network of the zoo."""
RUN_SECONDS = 60.0
"""For one image: a thousand times what a phone may take."""
CLOSE_SECONDS = 5.0

UNCONFINED = (
    "this kernel has no Landlock: the artefact has a process of its own, but it could write files; "
    "open only those whose makers you trust"
)


def confined() -> bool:
    """Whether this kernel keeps guests from changing files outside of their folder."""
    return landlock_version() > 0


class GuestSession:
    """A loaded artefact in a process of its own; see ``runtimes.base.Session``.

    All of it raises InputError, in one line, where the file is refused, and where the process
    crashes or does not answer.
    """

    def __init__(self, path: Path, threads: int, size: Size | None = None) -> None:
        self._process = _GuestProcess(path, threads)
        self.threads = threads
        request = {"load": str(path), "threads": threads, "size": size}
        try:
            answer, _ = self._process.ask(request, LOAD_SECONDS)
        except BaseException:
            self.close()
            raise
        self._shape = answer["input_shape"]
        self._reason = answer["reason"]
        self.properties: dict[str, str] = answer["properties"]
        pixels = answer["pixels"]
        self.pixels = None if pixels is None else Normalization(*pixels)

    @property
    def input_shape(self) -> tuple[int, int, int, int]:
        """(1, 3, height, width); raises InputError where the file does not record it."""
        if self._shape is None:
            raise InputError(self._reason)
        batch, channels, height, width = self._shape
        return (batch, channels, height, width)

    @property
    def output_names(self) -> tuple[str, ...]:
        """The artefact's outputs, in order."""
        answer, _ = self._process.ask({"names": True}, RUN_SECONDS)
        return tuple(answer["names"])

    def run(self, batch: FloatArray) -> dict[str, FloatArray]:
        """Outputs float32 (N, ...) by name of a float32 (N, 3, height, width) batch."""
        seconds = RUN_SECONDS * max(1, len(batch))
        images = np.ascontiguousarray(batch, np.float32)
        answer, data = self._process.ask({"run": images.shape}, seconds, images.tobytes())
        outputs, start = {}, 0
        for name, shape in answer["outputs"]:
            count = math.prod(shape)
            outputs[name] = np.frombuffer(data, np.float32, count, 4 * start).reshape(shape)
            start += count
        return outputs

    def close(self) -> None:
        """End the process; never raises."""
        self._process.close()


@contextlib.contextmanager
def guest_session(path: Path, threads: int, size: Size | None = None) -> Iterator[GuestSession]:
    """A session that ends with the block; ``size`` is that of images, for files that take any.

    Raises:
        InputError: what ``Runtime.load`` refuses, and a file on which its runtime crashes.
    """
    session = GuestSession(path, threads, size)
    try:
        yield session
    finally:
        session.close()


def inspect_as_guest(path: Path) -> Inspection:
    """``export.inspection.inspect`` in a process of its own.

    Raises:
        InputError: what ``inspect`` refuses, and a file on which its reader crashes.
    """
    process = _GuestProcess(path, 1)
    try:
        answer, _ = process.ask({"inspect": str(path)}, LOAD_SECONDS)
    finally:
        process.close()
    return Inspection.model_validate(answer["inspection"])


class _GuestProcess:
    def __init__(self, path: Path, threads: int) -> None:
        self._path = path
        self._folder = tempfile.TemporaryDirectory(prefix="fbdeploy-guest-")
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        environment = {
            **with_our_packages(os.environ),
            "TMPDIR": self._folder.name,
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": str(max(1, threads)),
        }
        self._process = subprocess.Popen(
            module_command("runtime_bench.runtimes.guest_process", self._folder.name),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=environment,
            bufsize=0,
        )
        self._buffer = bytearray()

    def ask(
        self, request: Mapping[str, object], seconds: float, data: bytes = b""
    ) -> tuple[dict[str, Any], bytes]:
        """The answer and its arrays' bytes; InputError if there is none within ``seconds``."""
        end = time.monotonic() + seconds
        assert self._process.stdin is not None
        try:
            for part in (json.dumps(request).encode() + b"\n", data):
                view = memoryview(part)
                while view:
                    view = view[self._process.stdin.write(view) :]
        except OSError:  # it has ended; reading tells how
            pass
        while (line := self._buffer.find(b"\n")) < 0:
            self._receive(end)
        answer: dict[str, Any] = json.loads(self._take(line + 1))
        if "error" in answer:
            raise InputError(answer["error"])
        size = 4 * sum(math.prod(shape) for _, shape in answer.get("outputs", ()))
        while len(self._buffer) < size:
            self._receive(end)
        return answer, self._take(size)

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _receive(self, end: float) -> None:
        assert self._process.stdout is not None
        left = max(0.0, end - time.monotonic())
        if not select.select([self._process.stdout], [], [], left)[0]:
            self._process.kill()
            raise InputError(
                f"{self._path}: its runtime does not come to an end with it; "
                "export the artefact again"
            )
        received = self._process.stdout.read(1 << 20)
        if not received:
            raise self._crash()
        self._buffer += received

    def _crash(self) -> InputError:
        code = self._process.wait()
        self._stderr.seek(0)
        said = self._stderr.read().decode(errors="replace")
        if code < 0:
            with contextlib.suppress(ValueError):
                said = signal.Signals(-code).name
        return InputError(
            f"{self._path}: its runtime crashed on it ({last_line(said, f'exit code {code}')}); "
            "the file is damaged or made for another runtime: export the artefact again"
        )

    def close(self) -> None:
        """End the process and remove its folder; never raises."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._stderr.close()
        with contextlib.suppress(OSError):
            self._folder.cleanup()
