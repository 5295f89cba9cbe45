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
    from fbdeploy.api.bench import bench
    from fbdeploy.api.check import check
    from fbdeploy.api.deploy import deploy
    from fbdeploy.api.evaluate import Evaluated, evaluate
    from fbdeploy.api.export import export
    from fbdeploy.api.finetune import finetune
    from fbdeploy.api.inspect import inspect, inspect_folder
    from fbdeploy.api.networks import load_network
    from fbdeploy.api.quantize import quantize
    from fbdeploy.check.baseline import read_baseline, write_baseline
    from fbdeploy.check.compare import compare_baselines
    from fbdeploy.check.reduction import baseline_of
    from fbdeploy.check.rules import load_rules
    from fbdeploy.pipeline.deploy import Deployed
    from fbdeploy.records.manifest import read_manifest
    from quantize.api import fine_tune, prepare_qat
    from quantize.graph.capture import capture
    from quantize.program import Program, load_program
    from quantize.qat.module import convert
    from quantize.recipe import Recipe, load_recipe
    from runtime_bench.accuracy import compare
    from runtime_bench.runtimes import RUNTIMES
    from runtime_bench.timing.protocol import benchmark
    from zoo.datasets import batches, open_dataset
    from zoo.errors import InputError
    from zoo.input_spec import InputSpec
    from zoo.networks import Network

claim_packages()

_HOMES = {
    "Deployed": "fbdeploy.pipeline.deploy",
    "Evaluated": "fbdeploy.api.evaluate",
    "ExportSource": "export.base",
    "FORMATS": "export.formats",
    "InputError": "zoo.errors",
    "InputSpec": "zoo.input_spec",
    "Network": "zoo.networks",
    "Program": "quantize.program",
    "RUNTIMES": "runtime_bench.runtimes",
    "Recipe": "quantize.recipe",
    "baseline_of": "fbdeploy.check.reduction",
    "batches": "zoo.datasets",
    "bench": "fbdeploy.api.bench",
    "benchmark": "runtime_bench.timing.protocol",
    "capture": "quantize.graph.capture",
    "check": "fbdeploy.api.check",
    "compare": "runtime_bench.accuracy",
    "compare_baselines": "fbdeploy.check.compare",
    "convert": "quantize.qat.module",
    "deploy": "fbdeploy.api.deploy",
    "evaluate": "fbdeploy.api.evaluate",
    "export": "fbdeploy.api.export",
    "fine_tune": "quantize.api",
    "finetune": "fbdeploy.api.finetune",
    "inspect": "fbdeploy.api.inspect",
    "inspect_folder": "fbdeploy.api.inspect",
    "load_network": "fbdeploy.api.networks",
    "load_program": "quantize.program",
    "load_recipe": "quantize.recipe",
    "load_rules": "fbdeploy.check.rules",
    "open_dataset": "zoo.datasets",
    "prepare_qat": "quantize.api",
    "quantize": "fbdeploy.api.quantize",
    "read_baseline": "fbdeploy.check.baseline",
    "read_manifest": "fbdeploy.records.manifest",
    "write_baseline": "fbdeploy.check.baseline",
}

__all__ = [
    "FORMATS",
    "RUNTIMES",
    "Deployed",
    "Evaluated",
    "ExportSource",
    "InputError",
    "InputSpec",
    "Network",
    "Program",
    "Recipe",
    "__version__",
    "baseline_of",
    "batches",
    "bench",
    "benchmark",
    "capture",
    "check",
    "compare",
    "compare_baselines",
    "convert",
    "deploy",
    "evaluate",
    "export",
    "fine_tune",
    "finetune",
    "inspect",
    "inspect_folder",
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


def __dir__() -> list[str]:
    """The public names, so that they are completed before they are imported."""
    return __all__
