"""Keys of what the pipeline makes: the same key means made from the same inputs."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib import metadata, util
from pathlib import Path

from pydantic import JsonValue

from export.format_info import FORMAT_INFO, PIXELS, Layout, OutputForm, TensorType
from fbdeploy.records.builds import Build, precision_of
from fbdeploy.records.manifest import Format
from zoo.files import sha256_of


def key_of(**inputs: JsonValue) -> str:
    """32 hexadecimal digits that change with any input."""
    text = json.dumps(inputs, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@cache
def versions(packages: tuple[str, ...]) -> dict[str, str]:
    """The installed versions of ``packages``; those that are not installed are left out."""
    found = {}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


@cache
def code_sha256(*packages: str) -> str:
    """Identity of the source of our own packages, so that a changed pass makes new artefacts.

    Python files and TOML tables count, by relative path and contents. Nothing is imported.
    """
    digest = hashlib.sha256()
    for package in packages:
        spec = util.find_spec(package)
        if spec is None or spec.origin is None:
            continue
        root = Path(spec.origin).parent
        for path in sorted(p for p in root.rglob("*") if p.suffix in {".py", ".toml"}):
            digest.update(path.relative_to(root.parent).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def folder_identity(folder: Path) -> str:
    """Identity of a folder of images: every file's relative name, size and time of change."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        status = path.stat()
        line = f"{path.relative_to(folder).as_posix()}\0{status.st_size}\0{status.st_mtime_ns}\n"
        digest.update(line.encode())
    return digest.hexdigest()[:32]


def data_identity(path: Path) -> str:
    """Identity of data: of a folder as ``folder_identity``; of a file that annotates pictures, its
    content and the identity of the folder that they are looked for in."""
    from zoo.datasets.detection.coco import IMAGES

    if not path.is_file():
        return folder_identity(path)
    beside = path.parent / IMAGES
    pictures = folder_identity(beside if beside.is_dir() else path.parent)
    return key_of(annotations=sha256_of(path), pictures=pictures)


def artefact_key(
    fmt: Format,
    build: Build,
    network_key: str,
    program_key: str,
    skipped: tuple[str, ...] = (),
    layout: Layout | None = None,
    input_type: TensorType = "float32",
    output_forms: tuple[OutputForm, ...] = (),
) -> str:
    """The key of an artefact and its variants; ``program_key`` is empty for those made from the
    float network."""
    pixels = input_type == PIXELS and precision_of(build) in FORMAT_INFO[fmt].pixels
    return key_of(
        format=fmt,
        build=build,
        network=network_key,
        program=program_key,
        skipped=",".join(sorted(skipped)),
        layout=FORMAT_INFO[fmt].layout(layout),
        pixels=pixels,
        outputs=",".join(sorted(output_forms)),
        versions=dict(versions(FORMAT_INFO[fmt].packages)),
        code=code_sha256("export", "quantize", "tasks", "zoo"),
    )
