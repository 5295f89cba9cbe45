"""Rooms that have the name of a public function.

Python makes a package's submodule an attribute of the package, whatever else has that name. Such a
room can be called, and is the function then.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from types import ModuleType
from typing import Any


class _Callable(ModuleType):
    """A module that can be called as the public function of its name."""

    public_home: str

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _function(self)(*args, **kwargs)

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(_function(self))


def _function(room: _Callable) -> Any:
    # By its name alone, since rooms are below what their public functions are in.
    name = room.__name__.rpartition(".")[2]
    return getattr(importlib.import_module(room.public_home), name)


def let_call(room: str, home: str) -> None:
    """Let the module ``room`` be called as the function of its name in the module ``home``."""
    module: Any = sys.modules[room]
    module.__class__ = _Callable
    module.public_home = home
