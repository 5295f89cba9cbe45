"""Errors as a Python program reads them."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from pydantic import ValidationError

from zoo.documents import first_error
from zoo.errors import InputError

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")

_OPTION = re.compile(r"(?<![\w-])--([a-z][a-z-]*)")


def in_python(function: Callable[Arguments, Answer]) -> Callable[Arguments, Answer]:
    """Let ``function`` name its arguments, where the command line's options would be named, and
    refuse values out of range as any other bad input."""

    @wraps(function)
    def called(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Answer:
        try:
            return function(*args, **kwargs)
        except InputError as error:
            error.args = (_OPTION.sub(_argument, str(error)),)
            raise
        except ValidationError as error:
            raise InputError(
                f"{first_error(error)}; help({function.__name__}) explains it"
            ) from None

    return called


def _argument(option: re.Match[str]) -> str:
    return option[1].replace("-", "_")
