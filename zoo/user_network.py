"""Loads the user's own network from ``path/to/file.py:function``."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from zoo.errors import InputError


def call_user_function(name: str, arguments: dict[str, object]) -> nn.Module:
    """Run the file, call the function, and return its module.

    Args:
        name: ``path/to/file.py:function``.
        arguments: keyword arguments; only those the function takes by name are passed.

    Returns:
        The module.

    Raises:
        InputError: no such file or function, an error in the user's code, or no nn.Module.
    """
    file, _, function = name.rpartition(":")
    path = Path(file)
    if not path.is_file():
        raise InputError(f"{name}: no such file {path}")
    module = _import(name, path)
    builder = getattr(module, function, None)
    if not callable(builder):
        defined = [n for n, v in vars(module).items() if callable(v) and _is_own(v, module)]
        has = ", ".join(defined) or "none"
        raise InputError(f"{name}: {path} defines no function '{function}'; it has {has}")
    passed = {key: value for key, value in arguments.items() if _takes(builder, key)}
    result = _run(name, path, lambda: builder(**passed))
    if not isinstance(result, nn.Module):
        raise InputError(f"{name}: returned {type(result).__name__}, not a torch.nn.Module")
    return result


def _import(name: str, path: Path) -> ModuleType:
    # Dataclasses and pickling in the file look their module up in sys.modules.
    module_name = f"_fbdeploy_user_{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{name}: {path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    loader = spec.loader
    _run(name, path, lambda: loader.exec_module(module))
    return module


def _run(name: str, path: Path, action: Callable[[], Any]) -> Any:
    folder = str(path.resolve().parent)  # so that the file can import its neighbours
    sys.path.insert(0, folder)
    try:
        return action()
    except (Exception, SystemExit) as error:
        lines = [
            frame.lineno
            for frame in traceback.extract_tb(error.__traceback__)
            if Path(frame.filename).resolve() == path.resolve()
        ]
        line = error.lineno if isinstance(error, SyntaxError) else (lines[-1] if lines else None)
        where = f" line {line}" if line else ""
        text = str(error).splitlines()[0] if str(error) else ""
        raise InputError(
            f"{name}: failed at {path}{where}: {type(error).__name__}: {text}"
        ) from error
    finally:
        sys.path.remove(folder)


def _takes(function: Callable[..., object], argument: str) -> bool:
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False
    return argument in parameters


def _is_own(value: object, module: ModuleType) -> bool:
    return getattr(value, "__module__", None) == module.__name__
