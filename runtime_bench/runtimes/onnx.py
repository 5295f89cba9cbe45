"""ONNX files in ONNX Runtime's CPU provider."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime_bench.machine.device import describe
from runtime_bench.measurement import Device
from runtime_bench.runtimes.base import FileRuntime, refuse
from runtime_bench.runtimes.ports import OUTPUT_TYPES, ImagePort, Size, image_port
from runtime_bench.runtimes.session import ImageSession

TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    **{f"tensor({name})": name for name in OUTPUT_TYPES},
}
"""Element types as onnxruntime and as numpy call them."""


class OnnxRuntime(FileRuntime):
    """ONNX Runtime, CPU provider, all graph optimizations."""

    format = "onnx"
    name = "ONNX Runtime"
    modules = ("onnxruntime",)
    package = "onnxruntime"

    def open(self, module: Any, path: Path, threads: int, size: Size | None) -> OnnxSession:
        """Load a model; see :meth:`FileRuntime.open`."""
        try:
            session = open_session(path, threads)
        # Its errors share no base class but Exception.
        except Exception as error:
            raise refuse(path, self.name, error) from error
        inputs, outputs = session.get_inputs(), session.get_outputs()
        port = image_port(
            path,
            self.name,
            [TYPES.get(node.type, node.type) for node in inputs],
            [TYPES.get(node.type, node.type) for node in outputs],
            tuple(inputs[0].shape) if inputs else (),
        )
        return OnnxSession(path, session, port.of_size(path, size), threads)


def open_session(path: Path, threads: int, trace: Path | None = None) -> Any:
    """onnxruntime's ``InferenceSession`` with exact int8 arithmetic where it can be had.

    x86 without VNNI adds two products of uint8 and int8 in 16 bits, which saturate where both
    are large (onnxruntime's documentation of quantization, "reduce_range"; 8 dB were seen for a
    network of one concatenation that has 47 without). ``session.x64quantprecision`` makes weights
    uint8 there, whose kernel is exact and slower; it would slow processors with VNNI for nothing.
    onnxruntime 1.31 cannot do so to weights that two nodes share: such a model is opened without,
    with a warning.

    ``trace`` turns the profiler on and is where its file's name begins.

    Raises what onnxruntime raises of a file that it does not take.
    """
    exact = saturates(describe())
    try:
        return _open(path, threads, trace, exact=exact)
    except Exception:
        if not exact:
            raise
    session = _open(path, threads, trace, exact=False)
    logging.getLogger(__name__).warning(
        "%s: its int8 products may saturate on this processor, which has no VNNI; "
        "export it again for exact ones",
        path,
    )
    return session


def _open(path: Path, threads: int, trace: Path | None, *, exact: bool) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    # Worker threads spin within a run, as in an app, but not after it: by default they keep
    # a core busy for some 28 ms more, which would be charged to whatever runs next.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    if exact:
        options.add_session_config_entry("session.x64quantprecision", "1")
        options.log_severity_level = 4  # ``open_session`` says what it cannot do
    if trace is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(trace)
    return onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])


def saturates(device: Device) -> bool:
    """Whether sums of int8 products saturate in the kernels onnxruntime takes on ``device``."""
    return device.architecture == "x86_64" and not {"avx512_vnni", "avx_vnni"} & set(device.isa)


class OnnxSession(ImageSession):
    """A loaded model with its own thread pool."""

    def __init__(self, path: Path, session: Any, port: ImagePort, threads: int) -> None:
        super().__init__(path, port, threads)
        self._session = session
        self._given = session.get_inputs()[0].name
        self._names = tuple(str(node.name) for node in session.get_outputs())

    @property
    def output_names(self) -> tuple[str, ...]:
        """The artefact's outputs, in order."""
        return self._names

    @property
    def properties(self) -> Mapping[str, str]:
        """The model's ``metadata_props``."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    def infer(self, image: NDArray[np.generic]) -> list[NDArray[np.generic]]:
        """The outputs of one image, which is as the file takes it."""
        found: list[NDArray[np.generic]] = self._session.run(None, {self._given: image})
        return found
