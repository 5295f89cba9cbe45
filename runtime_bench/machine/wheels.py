"""Pinned and hashed aarch64 wheels, downloaded by pip and unpacked once."""

from __future__ import annotations

import re
import sys
import zipfile
from pathlib import Path

from runtime_bench.machine.commands import run_tool
from zoo.errors import InputError
from zoo.files import atomic_folder

# The platform tags that the wheels carry; all run on glibc 2.28 and newer.
PLATFORMS = ("manylinux2014_aarch64", "manylinux_2_27_aarch64", "manylinux_2_28_aarch64")


def requirements_file(name: str) -> Path:
    """The requirement file ``name`` of this folder: versions and hashes of wheels."""
    return Path(__file__).parent / name


def pinned_versions(requirements: str) -> dict[str, str]:
    """Version by project of one of this folder's requirement files."""
    text = requirements_file(requirements).read_text()
    return dict(re.findall(r"^([\w.-]+)==(\S+) --hash", text, flags=re.MULTILINE))


def unpack_wheels(requirements: str, python: str, into: Path, downloads: Path) -> None:
    """Download the wheels of a requirement file, check their hashes and unpack them.

    Args:
        requirements: name of a file of this folder.
        python: version that the wheels are for, such as ``3.13``.
        into: folder that takes all wheels' contents; it appears when all are there.
        downloads: folder where pip keeps the wheels.

    Raises:
        InputError: no network and no kept wheel, or a wheel with another hash.
    """
    source = requirements_file(requirements)
    argv: list[str | Path] = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    argv += ["--require-hashes", "--only-binary=:all:", "--implementation=cp"]
    argv += [f"--python-version={python}", *(f"--platform={tag}" for tag in PLATFORMS)]
    argv += ["--find-links", downloads, "--dest", downloads, "--requirement", source]
    downloads.mkdir(parents=True, exist_ok=True)
    run_tool(argv, f"{source.name}: aarch64 wheels")
    versions = pinned_versions(requirements)
    tag = "cp" + python.replace(".", "")
    with atomic_folder(into, ()) as folder:
        for project, version in versions.items():
            name = f"{re.sub(r'[-.]+', '_', project)}-{version}-{tag}-"
            found = [path for path in downloads.glob("*.whl") if path.name.startswith(name)]
            if len(found) != 1:
                raise InputError(f"{downloads}: {len(found)} wheels {name}*; empty the folder")
            with zipfile.ZipFile(found[0]) as wheel:
                wheel.extractall(folder)
