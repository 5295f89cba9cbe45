"""ONNX files in ONNX Runtime's CPU provider."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np

from runtime_bench.machine.device import describe
from runtime_bench.measurement import Device
from runtime_bench.runtimes.base import (
    FloatArray,
    check_batch,
    check_borders,
    image_shape,
    import_runtime,
    package_version,
    refuse,
    stack_outputs,
)

FLOAT32 = {"tensor(float)": "float32"}


class OnnxRuntime:
    """ONNX Runtime, CPU provider, all graph optimizations."""

    format = "onnx"
    name = "ONNX Runtime"
    modules = ("onnxruntime",)
    package = "onnxruntime"

    def version(self) -> str:
        """The onnxruntime package and its version."""
        return package_version(self.package)

    def load(self, path: Path, threads: int) -> OnnxSession:
        """Load a model; ``Runtime.load`` lists what is refused."""
        onnxruntime = import_runtime(self, path, threads)
        exact = saturates(describe())
        try:
            session = _open(onnxruntime, path, session_options(threads, exact=exact))
        # Its errors share no base class but Exception.
        except Exception as error:
            if not exact:
                raise refuse(path, self.name, error) from error
            session = self._open_inexact(onnxruntime, path, threads)
        inputs, outputs = session.get_inputs(), session.get_outputs()
        check_borders(
            path,
            self.name,
            [FLOAT32.get(node.type, node.type) for node in inputs],
            [FLOAT32.get(node.type, node.type) for node in outputs],
        )
        shape = image_shape(path, self.name, tuple(inputs[0].shape))
        return OnnxSession(session, inputs[0].name, shape, threads)

    def _open_inexact(self, onnxruntime: Any, path: Path, threads: int) -> Any:
        """Open a model whose weights onnxruntime 1.31 cannot make uint8, as two nodes share one."""
        try:
            session = _open(onnxruntime, path, session_options(threads, exact=False))
        except Exception as error:
            raise refuse(path, self.name, error) from error
        logging.getLogger(__name__).warning(
            "%s: its int8 products may saturate on this processor, which has no VNNI; "
            "export it again for exact ones",
            path,
        )
        return session


def _open(onnxruntime: Any, path: Path, options: Any) -> Any:
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def session_options(threads: int, *, exact: bool | None = None) -> Any:
    """onnxruntime's ``SessionOptions`` for ``threads``, with exact int8 arithmetic.

    x86 without VNNI adds two products of uint8 and int8 in 16 bits, which saturate where both
    are large (onnxruntime's documentation of quantization, "reduce_range"; 8 dB were seen for a
    network of one concatenation that has 47 without). ``session.x64quantprecision`` makes weights
    uint8 there, whose kernel is exact and slower; it would slow processors with VNNI for nothing.
    ``exact`` is whether to set it; None: where this processor needs it.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    # Worker threads spin within a run, as in an app, but not after it: by default they keep
    # a core busy for some 28 ms more, which would be charged to whatever runs next.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    if saturates(describe()) if exact is None else exact:
        options.add_session_config_entry("session.x64quantprecision", "1")
        # What it cannot do is told by its error, and by ``load``.
        options.log_severity_level = 4
    return options


def saturates(device: Device) -> bool:
    """Whether sums of int8 products saturate in the kernels onnxruntime takes on ``device``."""
    return device.architecture == "x86_64" and not {"avx512_vnni", "avx_vnni"} & set(device.isa)


class OnnxSession:
    """A loaded model with its own thread pool."""

    def __init__(
        self, session: Any, name: str, shape: tuple[int, int, int, int], threads: int
    ) -> None:
        self._session = session
        self._name = name
        self.input_shape = shape
        self.output_names = tuple(str(node.name) for node in session.get_outputs())
        self.threads = threads

    def run(self, batch: FloatArray) -> dict[str, FloatArray]:
        """Outputs float32 (N, ...) by name of a float32 (N, 3, height, width) batch."""
        check_batch(batch, self.input_shape)
        images = np.ascontiguousarray(batch)
        return stack_outputs(
            self.output_names,
            [
                self._session.run(None, {self._name: images[index : index + 1]})
                for index in range(len(batch))
            ],
        )
