"""``python -m runtime_bench.runtimes.guest_process FOLDER``: artefacts in a process of their own.

The process may change files in FOLDER alone where the kernel can see to it. A request is a line of
JSON on stdin, followed by the bytes of its array if it names a shape; an answer is the same on
stdout:

    {"load": path, "threads": 1, "size": [224, 224] or null}
                                      {"input_shape": [1, 3, 224, 224], "pixels": [mean, std],
                                       "properties": {"network": "...", ...}, "reason": "..."}
    {"names": true}                   {"names": ["logits"]}
    {"run": [N, 3, H, W]} + float32   {"outputs": [["logits", [N, classes]]]} + float32, in order
    {"inspect": path}                 {"inspection": {...}}
                                      {"error": "..."}

It ends with its stdin.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from runtime_bench.machine.landlock import forbid_changes

if TYPE_CHECKING:
    from runtime_bench.runtimes.base import Session


class Guest:
    """Answers requests about one artefact."""

    def __init__(self, requests: BinaryIO, answers: BinaryIO) -> None:
        self._requests, self._answers = requests, answers
        self._path = Path()
        self._session: Session | None = None

    def serve(self) -> None:
        """Answer until stdin ends."""
        from zoo.errors import InputError, said

        for line in self._requests:
            request = json.loads(line)
            try:
                self._answer(request)
            except InputError as error:
                self._send({"error": str(error)})
            except Exception as error:  # what a runtime raises on a damaged file has no base class
                traceback.print_exc()
                self._send(
                    {
                        "error": f"{self._path}: cannot be run ({type(error).__name__}: "
                        f"{said(error)}); export the artefact again"
                    }
                )

    def _answer(self, request: Mapping[str, Any]) -> None:
        if "load" in request:
            self._load(Path(request["load"]), request["threads"], request["size"])
        elif "names" in request:
            self._send({"names": self._loaded().output_names})
        elif "run" in request:
            self._run(request["run"])
        else:
            self._inspect(Path(request["inspect"]))

    def _load(self, path: Path, threads: int, size: list[int] | None) -> None:
        from runtime_bench.runtimes import runtime_of
        from zoo.errors import InputError

        self._path = path
        wanted = None if size is None else (size[0], size[1])
        session = self._session = runtime_of(path).load(path, threads, wanted)
        try:
            shape, reason = session.input_shape, ""
        except InputError as error:
            shape, reason = None, str(error)
        self._send(
            {
                "input_shape": shape,
                "reason": reason,
                "pixels": session.pixels,
                "properties": dict(session.properties),
            }
        )

    def _run(self, shape: list[int]) -> None:
        import numpy as np

        data = self._requests.read(4 * math.prod(shape))
        outputs = self._loaded().run(np.frombuffer(data, np.float32).reshape(shape))
        self._send(
            {"outputs": [(name, value.shape) for name, value in outputs.items()]},
            b"".join(np.ascontiguousarray(value).tobytes() for value in outputs.values()),
        )

    def _loaded(self) -> Session:
        if self._session is None:
            raise RuntimeError("nothing is loaded")
        return self._session

    def _inspect(self, path: Path) -> None:
        from export.inspection import inspect

        self._path = path
        self._send({"inspection": inspect(path).model_dump(mode="json")})

    def _send(self, answer: Mapping[str, object], data: bytes = b"") -> None:
        self._answers.write(json.dumps(answer).encode() + b"\n" + data)
        self._answers.flush()


def main(arguments: list[str]) -> None:
    """Serve stdin until it ends; the argument is the folder that may be written to."""
    forbid_changes([Path(arguments[0])])
    # The parent ends this process when it is interrupted itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What runtimes print must not get between the answers, and nothing of theirs reads requests.
    answers, requests = os.fdopen(os.dup(1), "wb"), os.fdopen(os.dup(0), "rb")
    os.dup2(2, 1)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    Guest(requests, answers).serve()
    sys.stderr.flush()
    # Some runtimes crash while Python shuts down; everything is answered by now.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
