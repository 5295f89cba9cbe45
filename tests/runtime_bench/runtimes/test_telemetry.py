"""onnxruntime sends nothing: neither its database of usage data nor its identifier is made."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROGRAM = """
import sys
from runtime_bench.runtimes import runtime_of
import onnx
from onnx import TensorProto, helper
from pathlib import Path

image, logits = (
    helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    for name, shape in (("image", [1, 3, 2, 2]), ("logits", [1, 12]))
)
node = helper.make_node("Flatten", ["image"], ["logits"])
graph = helper.make_graph([node], "tiny", [image], [logits])
opsets = [helper.make_opsetid("", 17)]
path = Path(sys.argv[1])
onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)
print(runtime_of(path).load(path, 1).input_shape)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="not Linux, on this processor's system")
def test_onnxruntime_leaves_no_database(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    mine = ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in mine}
    environment |= {"HOME": str(home), "TMPDIR": str(home), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "tiny.onnx")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout.strip() == "(1, 3, 2, 2)", done.stderr
    assert [path for path in home.rglob("*") if path.is_file()] == []
