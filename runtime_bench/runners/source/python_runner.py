"""Runs a LiteRT (.tflite) or TorchScript (.pt) model where the device has Python.

The command line, the commands and the answers are those of the native runners (runner.h), plus
``--shape``. Needs only the standard library, numpy and the runtime, on Python 3.9 or newer.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import re
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

import numpy as np

GETPID = 172  # on aarch64, the only machine that is emulated
MARK_MAGIC, MARK_BEGIN, MARK_END = 0x4D41524B, 1, 2
UNCOUNTED = -1


def emit(**fields: Any) -> None:
    """Print one answer."""
    print(json.dumps(fields, separators=(",", ":")), flush=True)


class Model(Protocol):
    """A loaded model."""

    runtime: str
    package: str
    shape: tuple[int, ...] | None

    def prepare(self, image: np.ndarray) -> None:
        """Set the input."""

    def run(self) -> None:
        """Run once."""

    def result(self) -> dict[str, np.ndarray]:
        """The outputs of the last run by name, in order, float32."""


def names_in_order(names: list[str], count: int) -> list[str]:
    """The names that a file keeps, else a classifier's, else numbers; as runtimes/base.py."""
    if len(set(names)) == len(names) == count:
        return names
    return ["logits"] if count == 1 else [f"output_{index}" for index in range(count)]


class LiteRT:
    """A .tflite file; layout and types are converted outside the timed part."""

    runtime, package = "litert", "ai-edge-litert"

    def __init__(self, path: str, threads: int) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self.interpreter = Interpreter(model_path=path, num_threads=threads)
        self.interpreter.allocate_tensors()
        (self.given,) = self.interpreter.get_input_details()
        self.returned = self.interpreter.get_output_details()
        named: dict[int, str] = {}
        for key in list(self.interpreter.get_signature_list())[:1]:
            details = self.interpreter.get_signature_runner(key).get_output_details()
            named = {int(tensor["index"]): name for name, tensor in details.items()}
        names = [named.get(int(tensor["index"]), "") for tensor in self.returned]
        # What litert-torch calls the outputs of a module says nothing.
        kept = [name for name in names if name and not re.fullmatch(r"output_\d+", name)]
        self.names = names_in_order(kept, len(names))
        sizes = tuple(int(n) for n in self.given["shape"])
        self.channels_last = len(sizes) == 4 and sizes[1] != 3 and sizes[3] == 3
        if self.channels_last:
            sizes = (sizes[0], sizes[3], *sizes[1:3])
        self.shape: tuple[int, ...] | None = sizes

    def prepare(self, image: np.ndarray) -> None:
        """Set the input."""
        if self.channels_last:
            image = np.ascontiguousarray(image.transpose(0, 2, 3, 1))
        if self.given["dtype"] != np.float32:
            scale, zero = self.given["quantization"]
            limits = np.iinfo(self.given["dtype"])
            image = np.clip(np.round(image / scale) + zero, limits.min, limits.max)
        self.interpreter.set_tensor(self.given["index"], image.astype(self.given["dtype"]))

    def run(self) -> None:
        """Run once."""
        self.interpreter.invoke()

    def result(self) -> dict[str, np.ndarray]:
        """The outputs of the last run by name, in order, float32."""
        return {name: self._value(self.returned[i]) for i, name in enumerate(self.names)}

    def _value(self, tensor: dict[str, Any]) -> np.ndarray:
        output: np.ndarray = self.interpreter.get_tensor(tensor["index"])
        if output.dtype != np.float32:
            scale, zero = tensor["quantization"]
            output = (output.astype(np.float32) - zero) * np.float32(scale)
        return output


class TorchScript:
    """A .pt file; int8 graphs run on QNNPACK."""

    runtime, package = "torchscript", "torch"

    def __init__(self, path: str, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        if "qnnpack" in torch.backends.quantized.supported_engines:
            torch.backends.quantized.engine = "qnnpack"
        self.torch = torch
        extra = {"output_names": ""}
        self.module = torch.jit.load(path, _extra_files=extra).eval()  # type: ignore[no-untyped-call]
        names: str | bytes = extra["output_names"]
        text = names.decode() if isinstance(names, bytes) else names
        self.names = text.splitlines()
        self.shape: tuple[int, ...] | None = None

    def prepare(self, image: np.ndarray) -> None:
        """Set the input."""
        self.image = self.torch.from_numpy(image)

    def run(self) -> None:
        """Run once."""
        with self.torch.inference_mode():
            self.output = self.module(self.image)

    def result(self) -> dict[str, np.ndarray]:
        """The outputs of the last run by name, in order, float32."""
        several = isinstance(self.output, (list, tuple))
        outputs = list(self.output) if several else [self.output]
        names = names_in_order(self.names, len(outputs))
        return {name: outputs[i].numpy() for i, name in enumerate(names)}


MODELS: dict[str, Any] = {".tflite": LiteRT, ".pt": TorchScript}


class Server:
    """A loaded model and its images."""

    def __init__(self, options: argparse.Namespace, model: Model, images: np.ndarray) -> None:
        self.options, self.model, self.images = options, model, images
        self.runs = 0
        self.syscall = ctypes.CDLL(None).syscall if options.mark else None

    def timed(self, image: int, run: int) -> int:
        """Nanoseconds of one run."""
        self.model.prepare(self.images[image])
        begin = time.perf_counter_ns()
        if self.syscall is not None:
            self.syscall(GETPID, MARK_MAGIC, MARK_BEGIN, run)
        self.model.run()
        if self.syscall is not None:
            self.syscall(GETPID, MARK_MAGIC, MARK_END, run)
        return time.perf_counter_ns() - begin

    def run_block(self, runs: int) -> None:
        """The command ``run N``."""
        samples = []
        for _ in range(runs):
            samples.append(self.timed(self.runs % len(self.images), self.runs))
            self.runs += 1
        emit(event="samples", ns=samples, khz=None)

    def write_outputs(self) -> None:
        """The command ``outputs``."""
        with Path(self.options.output).open("wb") as stream:
            for image in range(len(self.images)):
                self.timed(image, UNCOUNTED)
                for value in self.model.result().values():
                    stream.write(np.ascontiguousarray(value, np.float32).tobytes())
        emit(event="outputs", images=len(self.images))

    def tell_memory(self) -> None:
        """The command ``memory``."""
        lines = Path("/proc/self/status").read_text().splitlines()
        peak = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
        emit(event="memory", peak_rss_kib=int(peak[0]) if peak else 0)

    def obey(self, line: str) -> None:
        """Carry out one line."""
        words = line.split()
        if len(words) == 2 and words[0] == "run":
            self.run_block(int(words[1]))
        elif words == ["outputs"]:
            self.write_outputs()
        elif words == ["memory"]:
            self.tell_memory()
        else:
            sys.exit(f"unknown command {line.strip()}")


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--input", required=True)
    parser.add_argument("--shape", required=True, help="the input's sizes, such as 1,3,224,224")
    parser.add_argument("--output")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--mark", action="store_true")
    return parser.parse_args()


def main() -> None:
    """Load, run once, serve."""
    options = parse()
    shape = tuple(int(size) for size in options.shape.split(","))
    suffix = Path(options.model).suffix
    if suffix not in MODELS:
        sys.exit(f"{options.model}: not one of {', '.join(MODELS)}")
    images = np.fromfile(options.input, np.float32).reshape(-1, *shape)
    begin = time.perf_counter_ns()
    model: Model = MODELS[suffix](options.model, options.threads)
    load_ns = time.perf_counter_ns() - begin
    if model.shape not in (None, shape):
        sys.exit(f"{options.model}: takes {model.shape}, not {shape}")
    server = Server(options, model, images)
    first = server.timed(0, UNCOUNTED)
    try:
        runtime_version = version(model.package)
    except PackageNotFoundError:
        runtime_version = "unknown"
    emit(
        event="load",
        runtime=model.runtime,
        version=runtime_version,
        threads=options.threads,
        inputs=int(np.prod(shape)),
        outputs=[{"name": n, "shape": value.shape} for n, value in model.result().items()],
        ns=load_ns,
    )
    emit(event="first", ns=first)
    for line in sys.stdin:
        server.obey(line)


if __name__ == "__main__":
    main()
