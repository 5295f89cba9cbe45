"""The folder in which a reader of docs/ gives its commands: every file that a page names is there,
small. Networks are as large as they are; their weights are random."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from safetensors.torch import save_file
from torch import nn
from torchvision.models.segmentation import lraspp_mobilenet_v3_large

from fbdeploy.check.baseline import write_baseline
from fbdeploy.check.reduction import baseline_of
from tests.docs import small_files
from tests.docs.commands import PAGES
from tests.docs.pictures import CLASSES, scenes, street_module, stripes
from zoo.networks import load_network
from zoo.segmentation.default import build_default

TOML = re.compile(r"^( *)```toml\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# (\w+\.toml)\b")
UNNAMED = {"phones.toml": "docs/sweep.md"}
"""Files that a page shows without a line that names them."""
DEPLOYMENTS = ("out", "OUT", "before", "after", "ours")
"""One, by the names that pages have for it."""
RULES = "max_drop = 0.5\n"
TIMM = {
    "small.safetensors": "tf_mobilenetv3_small_100",
    "lite0.pth": "tf_efficientnet_lite0",
    "fbnetv3_b.safetensors": "fbnetv3_b",
}


def make(folder: Path) -> None:
    """Write all of it."""
    small_files.deployments(folder)
    for name in DEPLOYMENTS[1:]:
        shutil.copytree(folder / "out", folder / name)
    write_baseline(folder / "baseline.json", baseline_of(folder / "out"))
    stripes(folder / "photos/train", 3)
    stripes(folder / "photos/val", 2)
    Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(folder / "photo.jpg")
    scenes(folder / "street/train", 3)
    scenes(folder / "street/val", 2)
    _networks(folder)
    _foreign(folder)
    small_files.apps(folder, folder / "out")
    small_files.latencies(folder)
    _documents(folder)


def _networks(folder: Path) -> None:
    (folder / "model.py").write_text(small_files.MODEL)
    (folder / "street.py").write_text(street_module())
    (folder / "nets.py").write_text(small_files.MODEL.replace("build", "small"))
    names: dict[str, type[nn.Module]] = {}
    exec(small_files.MODEL, names)
    for name in ("trained.pth", "small.pth"):
        torch.save(names["build"]().state_dict(), folder / name)
    exec(street_module(), names)
    save_file(names["build"]().state_dict(), folder / "street.safetensors")
    lraspp = lraspp_mobilenet_v3_large(weights_backbone=None, num_classes=len(CLASSES))
    torch.save(lraspp.state_dict(), folder / "lraspp.pth")
    trained = folder / "build/segmenter/fbnetv2_f1_lraspp.fashion_scenes.safetensors"
    trained.parent.mkdir(parents=True)
    save_file(build_default().state_dict(), trained)
    for name, network in TIMM.items():
        state = load_network(network, num_classes=len(CLASSES)).module.state_dict()
        if name.endswith(".pth"):
            torch.save(state, folder / name)
        else:
            save_file(state, folder / name)


def _foreign(folder: Path) -> None:
    """Of other exporters: without our metadata, and with a second output."""
    shutil.copy(folder / "out/int8/model.tflite", folder / "their.tflite")
    weights = numpy_helper.from_array(np.eye(3, dtype=np.float32), "w")
    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["image"], ["means"]),
            helper.make_node("Flatten", ["means"], ["features"]),
            helper.make_node("MatMul", ["features", "w"], ["scores"]),
        ],
        "their",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ("n", 3, "h", "w"))],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ("n", 3))
            for name in ("features", "scores")
        ],
        [weights],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), folder / "their.onnx")


def _documents(folder: Path) -> None:
    """TOML that pages show, and the rules that docs/ci.md tells of."""
    (folder / "rules.toml").write_text(RULES)
    for page in PAGES:
        for indent, block in TOML.findall(page.read_text(encoding="utf-8")):
            text = re.sub(f"^{indent}", "", block, flags=re.MULTILINE)
            named = NAMED.match(text)
            if named:
                (folder / named[1]).write_text(text)
    for name, page in UNNAMED.items():
        text = (PAGES[0].parent / page).read_text(encoding="utf-8")
        found = TOML.search(text)
        assert found is not None
        (folder / name).write_text(found[2])
