"""``python -m tests.docs.make_deployments``: writes deployments.zip, which commands of docs/ read.

It has two output folders as ``fbdeploy deploy`` wrote them: ``out``, a classifier of six layers in
every format, and ``street``, a segmenter in ONNX. Of each latency's samples two a round are kept.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

from fbdeploy.cli.app import run
from tests.docs.pictures import scenes, street_module, stripes
from tests.docs.small_files import FILE, MODEL

LEFT_OUT = (".fbdeploy", "report.html")
SAMPLES_A_ROUND = 2


def _train(network: nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> None:
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    for _ in range(80):
        optimizer.zero_grad()
        answer = network(inputs)
        logits = answer["out"] if isinstance(answer, dict) else answer
        nn.functional.cross_entropy(logits, targets).backward()
        optimizer.step()


def _classifier() -> None:
    pictures, labels = stripes(Path("photos/train"), 8)
    stripes(Path("photos/val"), 4)
    names: dict[str, Any] = {}
    exec(MODEL, names)
    Path("model.py").write_text(MODEL)
    network = names["build"]()
    _train(network, pictures / 127.5 - 1, labels)
    torch.save(network.state_dict(), "trained.pth")
    options = "--weights trained.pth --data photos/val --calibration photos/train --input-size 32"
    options += " --mean 0.5,0.5,0.5 --std 0.5,0.5,0.5 --recipe ptq-fast --output out"
    assert run(["deploy", "model.py:build", *options.split()]) == 0


def _segmenter() -> None:
    pictures, masks = scenes(Path("street/train"), 8)
    scenes(Path("street/val"), 4)
    names: dict[str, Any] = {}
    source = street_module()
    exec(source, names)
    Path("street.py").write_text(source)
    network = names["build"]()
    small = nn.functional.interpolate(masks[:, None].float(), scale_factor=0.5).long()[:, 0]
    _train(network, pictures / 127.5 - 1, small)
    torch.save(network.state_dict(), "street.pth")
    options = "--num-classes 3 --weights street.pth --data street/val --calibration street/train"
    options += " --input-size 64 --mean 0.5,0.5,0.5 --std 0.5,0.5,0.5 --recipe ptq-fast"
    options += " --formats onnx --output street"
    assert run(["deploy", "street.py:build", *options.split()]) == 0


def _short(line: str) -> str:
    """A line of results.jsonl with few samples."""
    found = json.loads(line)
    if found.get("block_runs"):
        each, samples = found["block_runs"], found["samples_ns"]
        rounds = [samples[start : start + each] for start in range(0, len(samples), each)]
        found["samples_ns"] = [one for group in rounds for one in group[:SAMPLES_A_ROUND]]
        found["block_runs"] = SAMPLES_A_ROUND
    return json.dumps(found)


def main() -> int:
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        _classifier()
        _segmenter()
        for output in ("out", "street"):
            lines = Path(output, "results.jsonl").read_text().splitlines()
            short = "".join(f"{_short(one)}\n" for one in lines)
            Path(output, "results.jsonl").write_text(short)
        with zipfile.ZipFile(FILE, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as kept:
            for path in sorted([*Path("out").rglob("*"), *Path("street").rglob("*")]):
                if path.is_file() and path.parts[1] not in (*LEFT_OUT, "val", "train"):
                    kept.write(path)
    print(FILE, FILE.stat().st_size)
    return 0


if __name__ == "__main__":
    sys.exit(main())
