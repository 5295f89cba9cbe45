"""``arm://core``: an emulated ARM core of this machine. It counts, it does not time."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from runtime_bench.emulation.cores import Core
from runtime_bench.emulation.python_system import PYTHON, SITE, python_system
from runtime_bench.emulation.qemu import find_qemu, make_root, qemu_command
from runtime_bench.machine.device import describe
from runtime_bench.measurement import Device, DeviceState
from runtime_bench.targets.base import LineProcess, TargetError
from runtime_bench.targets.local import LocalTarget

# The module that the Python of emulated cores has besides numpy.
PYTHON_MODULE = "ai_edge_litert"


class EmulatedTarget(LocalTarget):
    """A core emulated by QEMU's user mode; commands are AArch64 programs."""

    def __init__(self, name: str, core: Core, *, cache: Path | None = None) -> None:
        """``cache`` keeps the plugin and the Python system; ``cache_folder()`` if None.

        Raises:
            InputError: QEMU is missing or has no plugins.
        """
        super().__init__(name)
        self._qemu = find_qemu()
        self._core = core
        self._cache = cache
        self._system: Path | None = None
        self._root = Path(tempfile.mkdtemp(prefix="fbdeploy-arm-"))
        make_root(core, self._root)
        self._counts: Path | None = None
        self._atomic = False

    @property
    def core(self) -> Core:
        """The emulated core."""
        return self._core

    def architecture(self) -> str:
        """See ``Target.architecture``."""
        return "aarch64"

    def start_counted(self, argv: Sequence[str], counts: Path, threads: int) -> LineProcess:
        """Start a program whose marked runs are counted into the file ``counts``."""
        self._counts, self._atomic = counts, threads > 1
        try:
            return self.start(argv)
        finally:
            self._counts = None

    def _command(self, argv: Sequence[str]) -> list[str]:
        prefix = qemu_command(
            self._qemu,
            self._core,
            self._root,
            self._counts,
            atomic=self._atomic,
            cache=self._cache,
        )
        program = self._work / argv[0]
        if not program.is_file():
            raise TargetError(f"{self._name}: {argv[0]}: no such file")
        return [*prefix, str(program), *argv[1:]]

    def _environment(self) -> dict[str, str]:
        environment = dict(os.environ)
        # onnxruntime's and Python's hash tables are seeded by it: counts repeat exactly.
        environment["PYTHONHASHSEED"] = "0"
        if self._system is not None:
            environment["PYTHONHOME"] = str(self._system / "usr")
            environment["PYTHONPATH"] = str(self._system / SITE)
            environment["PYTHONDONTWRITEBYTECODE"] = "1"
        return environment

    def python(self, module: str) -> list[str]:
        """See ``Target.python``; the first call downloads an arm64 Python with LiteRT (50 MB)."""
        if module != PYTHON_MODULE:
            raise TargetError(
                f"{self._name}: the emulated Python has no {module}; "
                "measure the executorch, onnx or litert artefact"
            )
        if self._system is None:
            self._system = python_system(self._cache)
            make_root(self._core, self._root, self._system)
        return [str(self._system / "usr/bin" / f"python{PYTHON}"), "-S"]

    def device(self) -> Device:
        """The core as programs on it see it; its clock and memory are nobody's."""
        seen = describe(self._root)
        return seen.model_copy(
            update={"name": f"emulated {self._core.name}", "architecture": "aarch64", "os": ""}
        )

    def device_state(self) -> DeviceState:
        """Empty: an emulated core has no clock and no temperature."""
        return DeviceState()

    def cleanup(self) -> None:
        """See ``Target.cleanup``."""
        super().cleanup()
        shutil.rmtree(self._root, ignore_errors=True)
