"""Building the runner kit for aarch64 devices from the runtimes' own wheels."""

from __future__ import annotations

import shutil
from pathlib import Path

from runtime_bench.machine.cache import cache_folder, cache_lock
from runtime_bench.machine.commands import require_tool, run_tool
from runtime_bench.machine.wheels import pinned_versions, requirements_file, unpack_wheels
from runtime_bench.runners.kit import (
    BASE_LIBRARIES,
    EXECUTORCH_LIBRARIES,
    MANIFEST,
    NATIVE_RUNNERS,
    ONNXRUNTIME_LIBRARIES,
    PYTHON_RUNNER,
    KitManifest,
    RunnerKit,
    open_kit,
)
from zoo.errors import InputError
from zoo.files import atomic_file, atomic_folder, sha256_of

ARCHITECTURE = "aarch64"
WHEELS = "wheels-aarch64.txt"
WHEELS_PYTHON = "3.11"  # only names the wheels; the runners do not use their Python parts
GCC = "aarch64-linux-gnu-gcc"
GXX = "aarch64-linux-gnu-g++"
COMPILER_PACKAGE = "g++-aarch64-linux-gnu"
SOURCES = Path(__file__).parent / "source"


def build_kit(folder: Path, cache: Path | None = None) -> RunnerKit:
    """Make the aarch64 kit in ``folder`` (replaced if it is a kit) and return it.

    Args:
        folder: the kit's place, appears when it is whole.
        cache: where wheels are kept; ``cache_folder()`` if None. The first build downloads 40 MB.

    Raises:
        InputError: the cross compiler is missing, a wheel cannot be had, or ``folder`` holds
            something else.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / MANIFEST).exists():
        raise InputError(f"{folder}: holds other files; choose an empty folder for the kit")
    gcc, gxx = require_tool(GCC, COMPILER_PACKAGE), require_tool(GXX, COMPILER_PACKAGE)
    folder, cache = folder.absolute(), (cache or cache_folder()).absolute()
    versions = pinned_versions(WHEELS)
    wheels = cache / ("wheels-" + "-".join(f"{k}-{v}" for k, v in versions.items()))
    if not wheels.exists():
        unpack_wheels(WHEELS, WHEELS_PYTHON, wheels, cache / "downloads")
    with atomic_folder(folder, (MANIFEST,)) as partial:
        for part in ("bin", "lib", "python"):
            (partial / part).mkdir(parents=True)
        _copy_libraries(partial / "lib", wheels, gxx)
        _compile(partial, wheels, gcc, gxx, versions["executorch"])
        shutil.copyfile(SOURCES / "python_runner.py", partial / PYTHON_RUNNER)
        names = sorted(p.relative_to(partial).as_posix() for p in partial.rglob("*") if p.is_file())
        manifest = KitManifest(
            architecture=ARCHITECTURE,
            runtimes=versions,
            files={name: sha256_of(partial / name) for name in names},
        )
        (partial / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n")
    return open_kit(folder)


def cached_kit(cache: Path | None = None) -> RunnerKit:
    """The kit in the cache, built if it is not there, damaged, or of other sources."""
    cache = (cache or cache_folder()).absolute()
    folder = cache / f"runners-{ARCHITECTURE}"
    stamp = folder.with_suffix(".sources")
    sources = sha256_of(SOURCES) + sha256_of(requirements_file(WHEELS))
    with cache_lock(cache):
        if folder.exists() and stamp.exists() and stamp.read_text() == sources:
            try:
                return open_kit(folder)
            except InputError:
                pass  # somebody changed the cache: make it again
        kit = build_kit(folder, cache)
        with atomic_file(stamp) as partial:
            partial.write_text(sources)
    return kit


def _copy_libraries(into: Path, wheels: Path, gxx: str) -> None:
    for name in BASE_LIBRARIES:  # the compiler knows where its target's libraries are
        path = Path(run_tool([gxx, f"-print-file-name={name}"], name).strip())
        if not path.is_absolute():
            raise InputError(f"{name}: the cross compiler has none; install {COMPILER_PACKAGE}")
        shutil.copyfile(path, into / name)
    for name in EXECUTORCH_LIBRARIES:
        shutil.copyfile(wheels / "executorch/lib" / name, into / name)
    (library,) = (wheels / "onnxruntime/capi").glob("libonnxruntime.so.*")
    shutil.copyfile(library, into / "libonnxruntime.so.1")
    (into / "ld-linux-aarch64.so.1").chmod(0o755)


def _compile(kit: Path, wheels: Path, gcc: str, gxx: str, executorch_version: str) -> None:
    headers = wheels / "executorch/include"
    protocol = kit / "runner.o"
    link = [f"-L{kit / 'lib'}", f"-Wl,-rpath-link,{kit / 'lib'}"]
    run_tool([gcc, "-O2", "-c", SOURCES / "runner.c", "-o", protocol], "runner.c")
    executorch = [gxx, "-std=c++17", "-O2", "-w"]  # the wheel's headers warn about themselves
    executorch += [f'-DEXECUTORCH_VERSION="{executorch_version}"']
    executorch += ["-DC10_USING_CUSTOM_GENERATED_MACROS", f"-I{headers}"]
    executorch += [f"-I{headers / 'executorch/runtime/core/portable_type/c10'}"]
    executorch += [str(SOURCES / "executorch_runner.cpp"), str(protocol), *link]
    # Backends and kernels register themselves when loaded; no symbol of theirs is used.
    executorch += ["-Wl,--no-as-needed", *(f"-l:{name}" for name in EXECUTORCH_LIBRARIES)]
    executorch += ["-o", str(kit / NATIVE_RUNNERS["executorch"].program)]
    run_tool(executorch, "executorch_runner.cpp")
    # With -rdynamic the library finds the program's clock_gettime before the C library's.
    sources = [str(SOURCES / name) for name in ("onnxruntime_runner.c", "even_clock.c")]
    onnxruntime = [gcc, "-O2", "-rdynamic", *sources, str(protocol), *link]
    onnxruntime += [f"-l:{name}" for name in ONNXRUNTIME_LIBRARIES]
    onnxruntime += ["-o", str(kit / NATIVE_RUNNERS["onnx"].program)]
    run_tool(onnxruntime, "onnxruntime_runner.c")
    protocol.unlink()
