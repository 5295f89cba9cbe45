"""Loads the user's own network from ``path/to/file.py:function``."""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from zoo.errors import InputError
from zoo.user_code import run_file


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
    if path.suffix != ".py":
        raise InputError(f"{name}: {path} is not a Python file")
    module: ModuleType = _run(name, path, lambda: run_file(path))
    return module


def _run(name: str, path: Path, action: Callable[[], Any]) -> Any:
    # For neighbours that are not imported by a statement but by name (importlib); last, so that
    # nothing else finds them in another module's place.
    folder = str(path.resolve().parent)
    sys.path.append(folder)
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
