"""An output folder with real artefacts of the embedded network, for the tests of the apps.

They are made by this project's own exporters, as ``fbdeploy deploy`` makes them, but only those of
``EXPORTED``, calibrated with few images and not scored: what is tested is that the apps repeat
Python's answers. FBDEPLOY_TEST_OUT names a folder that ``fbdeploy deploy`` wrote, to be used
instead. FBDEPLOY_TEST_WEIGHTS replaces the embedded weights.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from export.format_info import FORMAT_INFO
from fbdeploy.apps.demo_bundle import write_bundle
from fbdeploy.apps.goldens import (
    golden_samples,
)
from fbdeploy.records.manifest import (
    Artefact,
    Environment,
    Format,
    Manifest,
    NetworkInfo,
    Weights,
    write_manifest,
)
from zoo.dataset_names import CALIBRATION, TEST
from zoo.datasets import batches, open_dataset
from zoo.files import atomic_folder, sha256_of
from zoo.input_spec import InputSpec
from zoo.networks import Network, load_network

if TYPE_CHECKING:
    from export.format_info import NumberType

EXPORTED: tuple[tuple[Format, NumberType], ...] = (
    ("onnx", "fp32"),
    ("onnx", "int8"),
    ("coreml", "fp32"),
    ("coreml", "int8"),
    ("executorch", "fp32"),
)
"""One of each kind the apps read; a second precision of ExecuTorch would cost another 10 s."""

IMAGES = 64  # for calibration
ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build" / "test-output"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other test processes (pytest-xdist) from making the same folder."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


@cache
def trial_output() -> Path:
    """A folder with manifest.json, artefacts and demo_bundle; made once a checkout state."""
    given = os.environ.get("FBDEPLOY_TEST_OUT")
    if given:
        return made_once("given", lambda folder: _copy(Path(given), folder), (Path(given),))
    embedded = sorted((ROOT / "zoo/embedded").glob("*"))
    return made_once("trial", _make, (Path(__file__), *embedded))


def made_once(name: str, make: Callable[[Path], None], sources: Sequence[Path]) -> Path:
    """The folder ``name`` of the tests' outputs, made again when ``sources`` or what goes into all
    of them changed."""
    target = BUILD / name
    stamp = " ".join(sha256_of(part) for part in (*_shared_sources(), *sources) if part.is_file())
    done = target / "stamp"
    with locked(BUILD):
        if not done.exists() or done.read_text() != stamp:
            with atomic_folder(target, ("stamp",)) as temporary:
                make(temporary)
                (temporary / "stamp").write_text(stamp)
    return target


def _shared_sources() -> list[Path]:
    parts = [
        ROOT / f"fbdeploy/apps/{name}.py"
        for name in ("demo_bundle", "goldens", "mask_answers", "detection_answers")
    ]
    parts += [ROOT / "fbdeploy/records/bundle_schema.py", ROOT / "zoo/preprocess.py"]
    for package in ("export", "quantize", "tasks"):
        parts += sorted((ROOT / package).rglob("*.py"))
    return parts


def _make(folder: Path) -> None:
    weights = os.environ.get("FBDEPLOY_TEST_WEIGHTS")
    write_output(load_network(weights=weights), EXPORTED, folder)
    write_bundle(folder, golden_samples(open_dataset(TEST)))


def _copy(source: Path, folder: Path) -> None:
    shutil.copytree(source, folder, dirs_exist_ok=True)
    write_bundle(folder, golden_samples(open_dataset(TEST)))


def write_output(
    network: Network, exported: Sequence[tuple[Format, NumberType]], folder: Path
) -> None:
    """Artefacts of ``network``, and their manifest, as ``fbdeploy deploy`` writes them."""
    from export.base import ExportSource
    from export.description import Description
    from export.formats import FORMATS
    from quantize.graph.capture import capture
    from quantize.ptq import quantize_captured
    from quantize.recipe import load_recipe

    dataset = open_dataset(CALIBRATION)
    images = next(batches(dataset, network.input_spec, batch_size=IMAGES, limit=IMAGES))[0]
    captured = capture(network.module, network.input_spec, network.interface)
    program = quantize_captured(captured, network, images, load_recipe())
    about = Description(
        network.name, network.task, network.labels, network.input_spec, "ab" * 32, "0"
    )
    artefacts = []
    for form, precision in exported:
        exporter = FORMATS[form]
        source = ExportSource(
            precision, network.input_spec, captured.graph, program, description=about
        )
        for variant in FORMAT_INFO[form].files(precision, pixels=precision == "int8"):
            stem = "-".join(part for part in ("model", variant) if part)
            path = folder / precision / f"{stem}{FORMAT_INFO[form].suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            exporter.export(source, path, variant)
            artefacts.append(_artefact(folder, path, form, precision, variant))
    write_manifest(folder, _manifest(network, artefacts))


def _artefact(
    folder: Path, path: Path, form: Format, precision: NumberType, variant: str
) -> Artefact:
    from export.base import input_type

    return Artefact(
        key=f"{form}-{precision}-{variant}",
        format=form,
        precision=precision,
        variant=variant,
        input=input_type(variant),
        path=path.relative_to(folder).as_posix(),
        sha256=sha256_of(path),
        bytes=1,
        runtime="test",
        runtime_version="0",
        seconds=0.0,
    )


def _manifest(network: Network, artefacts: list[Artefact]) -> Manifest:
    spec = network.input_spec
    return Manifest(
        fbdeploy_version="0",
        created="2026-01-01T00:00:00+00:00",
        updated="2026-01-01T00:00:00+00:00",
        network=NetworkInfo(
            name=network.name,
            source=network.source,
            task=network.task,
            num_classes=network.num_classes,
        ),
        weights=Weights(origin="test", sha256="0" * 64),
        input_spec=InputSpec(
            height=spec.height,
            width=spec.width,
            mean=spec.mean,
            std=spec.std,
            crop_pct=spec.crop_pct,
            interpolation=spec.interpolation,
            crop_mode=spec.crop_mode,
        ),
        labels=network.labels,
        artefacts=tuple(artefacts),
        environment=Environment(
            python="3", platform="test", cpu="test", cores=1, memory_bytes=1, versions={}
        ),
    )
