"""What the tests of targets, runners and emulation share: the cache, the kit, what they need."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from runtime_bench.emulation.cycles import find_llvm
from runtime_bench.runners.build import cached_kit
from runtime_bench.runners.kit import RunnerKit

REPOSITORY = Path(__file__).parents[2]
KERNEL = (6, 7)  # the first with a binfmt_misc of a user namespace's own


def need(*programs: str) -> None:
    """Skip the test unless all programs are installed."""
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}: see .ci/debian-packages.d/targets.txt")


def need_llvm() -> None:
    """Skip the test unless llvm-mc and llvm-mca are there."""
    if find_llvm() is None:
        pytest.skip("needs llvm-19: see .ci/debian-packages.d/targets.txt")


def need_board() -> None:
    """Skip the test unless an arm64 board can be started in namespaces."""
    need("adb", "ssh", "unshare", "nsenter", "qemu-aarch64-static", "apt-get", "ssh-keygen")
    if os.geteuid() != 0:
        pytest.skip("not root, so no namespaces")
    release = tuple(int(part) for part in os.uname().release.split(".")[:2])
    if release < KERNEL:
        pytest.skip(f"Linux {release[0]}.{release[1]} on this processor's host: needs 6.7")


@pytest.fixture(scope="session")
def cache() -> Path:
    """Where downloads and builds are kept between test runs."""
    folder = Path(os.environ.setdefault("FBDEPLOY_CACHE", str(REPOSITORY / "build" / "runners")))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def kit(cache: Path) -> RunnerKit:
    """The aarch64 runners, built from the wheels."""
    need("aarch64-linux-gnu-g++", "qemu-aarch64")
    return cached_kit(cache)
