"""The regression check: what one output folder measured, against a baseline kept in a repository.

``baseline.py`` reduces an output folder to one small file; ``compare.py`` puts two of them side by
side; ``paired.py``, ``timing.py`` and ``counted.py`` hold one kind of comparison each;
``decide.py`` turns the p-values of all of them into verdicts.

Python names a package's room by the package's attribute, so that ``fbdeploy.check`` is this room;
called, it is the function ``fbdeploy.api.check.check``.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from types import ModuleType
from typing import Any


class _Callable(ModuleType):
    """A module that can be called as the public function of its name."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _function()(*args, **kwargs)

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(_function())


def _function() -> Any:
    # By its name alone, since this room is below that of the public functions.
    return importlib.import_module("fbdeploy.api.check").check


sys.modules[__name__].__class__ = _Callable
