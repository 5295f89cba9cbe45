"""An output folder with small real artefacts for the tests of the apps and their bundle.

FBDEPLOY_TEST_OUT names a folder that ``fbdeploy deploy`` wrote and is then used instead. Otherwise
the embedded network is exported the way each library documents, which is quick and good enough:
what is tested is that the apps repeat Python's answers, not how good these are.
FBDEPLOY_TEST_WEIGHTS replaces the embedded weights.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from fbdeploy.demo_bundle import golden_samples, write_bundle
from fbdeploy.manifest import (
    Artefact,
    Environment,
    InputSpecInfo,
    Manifest,
    NetworkInfo,
    Weights,
    write_manifest,
)
from zoo.datasets import batches, open_dataset
from zoo.embedded import CALIBRATION, TEST
from zoo.files import atomic_path, sha256_of
from zoo.networks import Network, load_network

BUILD = Path(__file__).parents[1] / "build" / "test-output"


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
    with locked(BUILD):
        return _trial_output()


def _trial_output() -> Path:
    given = os.environ.get("FBDEPLOY_TEST_OUT")
    target = BUILD / ("given" if given else "trial")
    source = Path(given) if given else None
    stamp = _stamp(source)
    done = target / "stamp"
    if done.exists() and done.read_text() == stamp:
        return target
    with atomic_path(target) as temporary:
        if source:
            shutil.copytree(source, temporary)
        else:
            _export(load_network(weights=os.environ.get("FBDEPLOY_TEST_WEIGHTS")), temporary)
        write_bundle(temporary, golden_samples(open_dataset(TEST)))
        (temporary / "stamp").write_text(stamp)
    return target


def _stamp(source: Path | None) -> str:
    root = Path(__file__).parents[1]
    parts = [root / "fbdeploy/demo_bundle.py", root / "fbdeploy/bundle_schema.py"]
    parts += [root / "zoo/preprocess.py", Path(__file__)]
    parts += [source / "manifest.json"] if source else sorted((root / "zoo/embedded").glob("*"))
    return " ".join(sha256_of(part) for part in parts if part.is_file())


def _export(network: Network, folder: Path) -> None:
    folder.mkdir(parents=True)
    dataset = open_dataset(CALIBRATION)
    images = next(batches(dataset, network.input_spec, batch_size=32, limit=32))[0]
    paths = [
        *_onnx(network, folder, images),
        *_coreml(network, folder),
        *_executorch(network, folder),
    ]
    write_manifest(folder, _manifest(network, folder, paths))


def _onnx(network: Network, folder: Path, images: Any) -> list[Path]:
    import torch
    from onnxruntime.quantization import CalibrationDataReader, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = iter(images)

        def get_next(self) -> dict[str, Any] | None:
            image = next(self.left, None)
            return None if image is None else {"input": image[None]}

    floats, ints = folder / "fp32/model.onnx", folder / "int8/model.onnx"
    for path in (floats, ints):
        path.parent.mkdir()
    torch.onnx.export(
        network.module,
        (torch.zeros(network.input_spec.shape),),
        str(floats),
        dynamo=True,
        input_names=["input"],
        output_names=["logits"],
        external_data=False,
    )
    prepared = folder / "prepared.onnx"
    quant_pre_process(str(floats), str(prepared))
    quantize_static(str(prepared), str(ints), Reader(), per_channel=True)
    prepared.unlink()
    return [floats, ints]


def _coreml(network: Network, folder: Path) -> list[Path]:
    import coremltools as ct
    import torch

    example = torch.zeros(network.input_spec.shape)
    path = folder / "fp32/model.mlpackage"
    ct.convert(
        torch.jit.trace(network.module, example),
        inputs=[ct.TensorType("input", shape=example.shape)],
        outputs=[ct.TensorType("logits")],
        minimum_deployment_target=ct.target.iOS17,
        compute_precision=ct.precision.FLOAT32,
    ).save(str(path))
    return [path]


def _executorch(network: Network, folder: Path) -> list[Path]:
    import torch
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    exported = torch.export.export(network.module, (torch.zeros(network.input_spec.shape),))
    program = to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()])
    path = folder / "fp32/model.pte"
    path.write_bytes(program.to_executorch().buffer)
    return [path]


def _manifest(network: Network, folder: Path, paths: list[Path]) -> Manifest:
    formats = {".onnx": "onnx", ".mlpackage": "coreml", ".pte": "executorch"}
    spec = network.input_spec
    return Manifest(
        fbdeploy_version="0",
        created="2026-01-01T00:00:00+00:00",
        updated="2026-01-01T00:00:00+00:00",
        network=NetworkInfo(
            name=network.name, source=network.source, num_classes=network.num_classes
        ),
        weights=Weights(origin="test", sha256="0" * 64),
        input_spec=InputSpecInfo(
            height=spec.height,
            width=spec.width,
            mean=spec.mean,
            std=spec.std,
            crop_pct=spec.crop_pct,
            interpolation=spec.interpolation,
            crop_mode=spec.crop_mode,
        ),
        labels=network.labels,
        artefacts=tuple(
            Artefact.model_validate(
                {
                    "key": f"{path.parent.name}{path.suffix}",
                    "format": formats[path.suffix],
                    "precision": path.parent.name,
                    "path": path.relative_to(folder).as_posix(),
                    "sha256": sha256_of(path),
                    "bytes": 1,
                    "runtime": "test",
                    "runtime_version": "0",
                    "seconds": 0.0,
                }
            )
            for path in paths
        ),
        environment=Environment(
            python="3", platform="test", cpu="test", cores=1, memory_bytes=1, versions={}
        ),
    )
