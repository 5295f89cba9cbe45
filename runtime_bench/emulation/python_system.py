"""A Python for emulated cores: Debian's arm64 Python with LiteRT's wheels, never installed."""

from __future__ import annotations

from pathlib import Path

from runtime_bench.emulation.debian import DebianArchive
from runtime_bench.machine.cache import cache_folder, cache_lock
from runtime_bench.machine.wheels import pinned_versions, unpack_wheels
from zoo.files import atomic_folder

RELEASE = "trixie"
PYTHON = "3.13"  # trixie's
WHEELS = "wheels-aarch64-python.txt"
SITE = "opt/site"
# What the interpreter and the wheels load; ctypes needs libffi, zipimport zlib.
PACKAGES = (
    "libc6",
    "libgcc-s1",
    "libstdc++6",
    "libexpat1",
    "libffi8",
    "zlib1g",
    f"libpython{PYTHON}-minimal",
    f"libpython{PYTHON}-stdlib",
    f"python{PYTHON}-minimal",
)


def python_system(cache: Path | None = None) -> Path:
    """The root folder of the Python system, made in the cache if it is not there.

    ``usr/bin/python3.13`` is the interpreter, ``opt/site`` holds the wheels. The first call
    downloads about 50 MB.

    Raises:
        InputError: not a Debian machine, or no network.
    """
    cache = (cache or cache_folder()).absolute()
    versions = "-".join(f"{name}-{v}" for name, v in sorted(pinned_versions(WHEELS).items()))
    root = cache / f"python-{PYTHON}-{versions}"
    with cache_lock(cache):
        if not root.exists():
            archive = DebianArchive(RELEASE, "arm64", cache / f"apt-{RELEASE}-arm64")
            archive.update()
            with atomic_folder(root, ()) as partial:
                archive.unpack(PACKAGES, partial)
                unpack_wheels(WHEELS, PYTHON, partial / SITE, cache / "downloads")
    return root
