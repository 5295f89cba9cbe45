from __future__ import annotations

import subprocess
import sys


def test_what_core_ml_does_not_convert_here_is_not_waited_for() -> None:
    """In a process of its own, where nothing else has imported them, and can do so later."""
    script = """
import sys
from export.coremltools_import import import_coremltools
tools = import_coremltools()
assert tools.ComputeUnit.CPU_ONLY
others = ("executorch", "sklearn", "torchao", "torchvision", "transformers", "xgboost")
found = [name for name in sys.modules if name.partition(".")[0] in others]
assert not found, found
import torchvision, executorch.exir
assert import_coremltools("coremltools.proto.Model_pb2").Model
"""
    subprocess.run([sys.executable, "-c", script], check=True)
