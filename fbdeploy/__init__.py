"""fbdeploy takes a trained mobile network to a phone; ``fbdeploy --help`` is the front door.

The public API is what ``__all__`` lists. Each name is imported from its own package when it is
first used, so that ``import fbdeploy`` stays quick.
"""

import importlib
from typing import TYPE_CHECKING, Any

from fbdeploy.version import __version__, claim_packages

if TYPE_CHECKING:
    from export.base import ExportSource
    from export.formats import FORMATS
    from export.inspection import inspect
    from fbdeploy.check.baseline import read_baseline, write_baseline
    from fbdeploy.check.compare import compare_baselines
    from fbdeploy.check.reduction import baseline_of
    from fbdeploy.check.rules import load_rules
    from fbdeploy.records.manifest import read_manifest
    from quantize.api import fine_tune, prepare_qat, quantize
    from quantize.graph.capture import capture
    from quantize.program import Program, load_program
    from quantize.qat.module import convert
    from quantize.recipe import Recipe, load_recipe
    from runtime_bench.accuracy import compare, evaluate
    from runtime_bench.runtimes import RUNTIMES
    from runtime_bench.timing.protocol import benchmark
    from zoo.datasets import batches, open_dataset
    from zoo.errors import InputError
    from zoo.input_spec import InputSpec
    from zoo.networks import Network, load_network

claim_packages()

_HOMES = {
    "FORMATS": "export.formats",
    "RUNTIMES": "runtime_bench.runtimes",
    "ExportSource": "export.base",
    "InputError": "zoo.errors",
    "InputSpec": "zoo.input_spec",
    "Network": "zoo.networks",
    "Program": "quantize.program",
    "Recipe": "quantize.recipe",
    "baseline_of": "fbdeploy.check.reduction",
    "batches": "zoo.datasets",
    "benchmark": "runtime_bench.timing.protocol",
    "capture": "quantize.graph.capture",
    "compare": "runtime_bench.accuracy",
    "compare_baselines": "fbdeploy.check.compare",
    "convert": "quantize.qat.module",
    "evaluate": "runtime_bench.accuracy",
    "fine_tune": "quantize.api",
    "inspect": "export.inspection",
    "load_network": "zoo.networks",
    "load_program": "quantize.program",
    "load_recipe": "quantize.recipe",
    "load_rules": "fbdeploy.check.rules",
    "open_dataset": "zoo.datasets",
    "prepare_qat": "quantize.api",
    "quantize": "quantize.api",
    "read_baseline": "fbdeploy.check.baseline",
    "read_manifest": "fbdeploy.records.manifest",
    "write_baseline": "fbdeploy.check.baseline",
}

__all__ = [
    "FORMATS",
    "RUNTIMES",
    "ExportSource",
    "InputError",
    "InputSpec",
    "Network",
    "Program",
    "Recipe",
    "__version__",
    "baseline_of",
    "batches",
    "benchmark",
    "capture",
    "compare",
    "compare_baselines",
    "convert",
    "evaluate",
    "fine_tune",
    "inspect",
    "load_network",
    "load_program",
    "load_recipe",
    "load_rules",
    "open_dataset",
    "prepare_qat",
    "quantize",
    "read_baseline",
    "read_manifest",
    "write_baseline",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'fbdeploy' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
