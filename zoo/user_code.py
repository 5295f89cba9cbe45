"""Runs a user's file so that its neighbours are its own, whatever they are called.

Our packages have plain names (``stats``, ``export``, ...), and so may the files beside a user's
network. His folder becomes a package of a private name, and ``import stats`` in a file of it means
the file beside it, as it does for a script. Nobody else sees those modules under that name: neither
are ours hidden by them nor they by ours.
"""

from __future__ import annotations

import builtins
import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

PREFIX = "_fbdeploy_user_"


def run_file(path: Path) -> ModuleType:
    """Run a Python file, again each time, and return its module; neighbours it imports are kept.

    Raises:
        Exception: whatever the file raises.
    """
    package = _package(path.resolve().parent)
    name = f"{package.name}.{path.stem.replace('.', '_')}"
    spec = importlib.util.spec_from_file_location(
        name, path, loader=_Loader(name, str(path), package)
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickling in the file look their module up in sys.modules.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


class _Package:
    """A user's folder under a private name; finds its modules and resolves their imports."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self.name = PREFIX + hashlib.sha256(self._folder.encode()).hexdigest()[:12]
        self._builtins = vars(builtins) | {"__import__": self._import}
        self._beside = cache(self._looks_beside)
        module = ModuleType(self.name)
        module.__path__ = [self._folder]
        sys.modules[self.name] = module
        sys.meta_path.insert(0, self)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The import system's question where the module ``name`` is; None: not in this folder."""
        if not name.startswith(self.name + "."):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path, self)
        return spec

    def prepare(self, module: ModuleType) -> None:
        """Let the import statements of ``module`` look beside it first."""
        vars(module)["__builtins__"] = self._builtins

    def _import(
        self,
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        top = name.partition(".")[0]
        if level or not self._beside(top):
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        importlib.import_module(f"{self.name}.{name}")
        if fromlist:
            return builtins.__import__(f"{self.name}.{name}", globals, locals, fromlist)
        return sys.modules[f"{self.name}.{top}"]

    def _looks_beside(self, top: str) -> bool:
        """Whether a script in the folder would find ``top`` there."""
        if top in sys.builtin_module_names:
            return False
        spec = PathFinder.find_spec(top, [self._folder])
        if spec is None:
            return False
        # A folder without __init__.py comes last, wherever it is on the path.
        return spec.has_location or importlib.util.find_spec(top) is None


class _Loader(SourceFileLoader):
    """Loads a file of a user's folder."""

    def __init__(self, name: str, path: str, package: _Package) -> None:
        super().__init__(name, path)
        self._package = package

    def exec_module(self, module: ModuleType) -> None:
        """Run the file's code as the module's."""
        self._package.prepare(module)
        super().exec_module(module)


@cache
def _package(folder: Path) -> _Package:
    return _Package(folder)
