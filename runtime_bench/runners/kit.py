"""The runner kit: what a device needs to run artefacts, with a manifest of its files.

::

    bundle.json                       architecture, runtimes' versions, SHA-256 of every file
    bin/executorch_runner             the native runners
    bin/onnxruntime_runner
    lib/*.so*                         runtimes, the C and C++ libraries and their loader
    python/python_runner.py           for formats without a native runner, if the device has Python

The runners are started through the kit's own loader, so the device's C library (or Android's
lack of glibc) does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zoo.documents import Schema, read_json, validated
from zoo.errors import InputError
from zoo.files import inside, sha256_of

MANIFEST = "bundle.json"
PYTHON_RUNNER = "python/python_runner.py"

# The C and C++ libraries that every native runner needs.
BASE_LIBRARIES = (
    "ld-linux-aarch64.so.1",
    "libc.so.6",
    "libm.so.6",
    "libpthread.so.0",
    "libdl.so.2",
    "librt.so.1",
    "libstdc++.so.6",
    "libgcc_s.so.1",
)
EXECUTORCH_LIBRARIES = (
    "libexecutorch.so",
    "libexecutorch_kernels_optimized.so",
    "libexecutorch_kernels_quantized.so",
    "libexecutorch_backend_xnnpack.so",
    "libexecutorch_threadpool.so",
)
ONNXRUNTIME_LIBRARIES = ("libonnxruntime.so.1",)


@dataclass(frozen=True)
class NativeRunner:
    """A compiled runner: its program and the libraries it needs besides the base ones."""

    program: str
    libraries: tuple[str, ...]

    @property
    def files(self) -> tuple[str, ...]:
        """Names inside the kit."""
        return (
            self.program,
            *(f"lib/{name}" for name in (*BASE_LIBRARIES, *self.libraries)),
        )


NATIVE_RUNNERS = {
    "executorch": NativeRunner("bin/executorch_runner", EXECUTORCH_LIBRARIES),
    "onnx": NativeRunner("bin/onnxruntime_runner", ONNXRUNTIME_LIBRARIES),
}
# Formats that python_runner.py runs, with the module that the device's Python must have.
PYTHON_MODULES = {"litert": "ai_edge_litert", "torchscript": "torch"}


class KitManifest(Schema):
    """``bundle.json``."""

    schema_version: int = 1
    architecture: str
    runtimes: dict[str, str]
    files: dict[str, str]


@dataclass(frozen=True)
class RunnerKit:
    """A kit on this machine."""

    folder: Path
    manifest: KitManifest

    def files(self, format_name: str) -> dict[str, Path]:
        """What the device needs for a format: name on the device -> file here.

        Raises:
            InputError: no runner runs the format.
        """
        if format_name in NATIVE_RUNNERS:
            names = NATIVE_RUNNERS[format_name].files
        elif format_name in PYTHON_MODULES:
            names = (PYTHON_RUNNER,)
        else:
            able = ", ".join((*NATIVE_RUNNERS, *PYTHON_MODULES))
            raise InputError(f"{format_name}: no runner on devices; there are runners for {able}")
        return {name: self.folder / name for name in names}


def open_kit(folder: Path) -> RunnerKit:
    """The kit in ``folder``.

    Raises:
        InputError: there is none, its manifest is of another form, or a file was changed.
    """
    path, advice = folder / MANIFEST, "make one with fbdeploy runner build"
    manifest = validated(KitManifest, read_json(path, advice), str(path), advice)
    for name, digest in manifest.files.items():
        file = inside(folder, name)
        if not file.is_file() or sha256_of(file) != digest:
            raise InputError(
                f"{file}: is missing or not what was built; run fbdeploy runner build again"
            )
    return RunnerKit(folder, manifest)
