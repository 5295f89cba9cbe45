"""Which fbdeploy this is, where it is installed, and that its packages are the ones imported."""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import PathFinder
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

try:
    __version__ = version("fbdeploy")
except PackageNotFoundError:  # run from a checkout that was never installed
    __version__ = "0+checkout"

PACKAGES = ("stats", "zoo", "tasks", "quantize", "export", "runtime_bench")


def claim_packages() -> None:
    """Import our packages from where fbdeploy is, whatever lies first on the path.

    They have plain names: ``python -m fbdeploy`` in a folder with a ``zoo.py`` would take that one.

    Raises:
        ImportError: another module of such a name is imported already.
    """
    folder = Path(__file__).parents[1]
    for name in PACKAGES:
        known = sys.modules.get(name)
        if known is not None:
            file = getattr(known, "__file__", None)
            if file is None or Path(file).parents[1] != folder:
                raise ImportError(
                    f"{file or name} is imported as '{name}', which is a package of fbdeploy; "
                    "rename that file"
                )
            continue
        spec = PathFinder.find_spec(name, [str(folder)])
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
