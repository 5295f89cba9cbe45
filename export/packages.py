"""The packages of formats, imported when they are needed."""

from __future__ import annotations

import importlib
from types import ModuleType

from export.format_info import FORMAT_INFO
from zoo.errors import InputError


def require(module: str, format_name: str) -> ModuleType:
    """Import a package that ``format_name`` needs.

    Raises:
        InputError: it is not installed; the line says how to install it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f"{module.partition('.')[0]} cannot be imported ({error}); "
            f"pip install '{FORMAT_INFO[format_name].requirement}'"
        ) from error
