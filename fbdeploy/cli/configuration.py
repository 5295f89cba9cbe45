"""``--config FILE``: options from a TOML file, which those on the command line go before."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import typer

ADVICE = "give a TOML file of options, such as formats = 'onnx,litert'"
NO_CONFIG = frozenset({"config", "help"})


def read_config(context: typer.Context, path: Path | None) -> Path | None:
    """Make the file's values the defaults of this command's options and arguments.

    A key is an option's name without its dashes, or an argument's in small letters. Lists are
    joined by commas. What an option takes on the command line it takes here.

    Raises:
        InputError: the file cannot be read, or a key or a value is none of this command's.
    """
    if path is None:
        return None
    from zoo.documents import read_toml
    from zoo.errors import InputError

    parameters = {name: one for one in context.command.params for name in _names(one)}
    found: dict[str, Any] = {}
    for key, value in read_toml(path, ADVICE).items():
        one = parameters.get(key.replace("_", "-"))
        if one is None:
            near = difflib.get_close_matches(key, parameters, 1)
            hint = f"did you mean {near[0]}?" if near else f"it may be {', '.join(parameters)}"
            raise InputError(f"{path}: {key} is no option of {context.command_path}; {hint}")
        try:
            found[one.name] = _value(value, flag=bool(getattr(one, "is_flag", False)))
        except ValueError as error:
            raise InputError(f"{path}: {key} {error}") from error
    context.default_map = found
    return path


def _names(parameter: Any) -> list[str]:
    """What a parameter is called in a file; none of those that a file does not hold."""
    if parameter.name in NO_CONFIG or getattr(parameter, "hidden", False):
        return []
    if parameter.param_type_name == "argument":
        return [parameter.name]
    return [name.removeprefix("--") for name in parameter.opts if name.startswith("--")]


def _value(value: Any, *, flag: bool) -> bool | str:
    """As it would stand on the command line, so that it is read and checked in the same way."""
    if isinstance(value, bool) or flag:
        if not (isinstance(value, bool) and flag):
            raise ValueError(
                "must be true or false" if flag else "takes a value, not true or false"
            )
        return value
    if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
        return ",".join(map(str, value))
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError("must be a text, a number, true or false, or a list of texts or numbers")
