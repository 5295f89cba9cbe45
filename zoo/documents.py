"""Documents that somebody else may have written or damaged: JSON and TOML.

What is too large, too deep, or holds what our schemas and numpy cannot hold (numbers that are not
finite or beyond 64 bits, lone surrogates, one key twice) ends with one line that names the file.
"""

from __future__ import annotations

import json
import math
import os
import stat
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from zoo.errors import InputError, reason_of, shown

Document = TypeVar("Document")
Model = TypeVar("Model", bound=BaseModel)

MEGABYTE = 1_000_000
JSON_BYTES = 256 * MEGABYTE
"""golden.json of eight photos of 12 megapixels has 300 MB; everything else is far smaller."""
TOML_BYTES = MEGABYTE
DEPTH = 64
"""Our own documents are at most 8 deep; Python's parsers end at about 1000."""
LARGEST_INTEGER = 2**63 - 1
LARGEST_COUNT = 2**53 - 1
"""What every JSON reader holds exactly (RFC 8259, section 6)."""
KEY_LENGTH = 80

Count = Annotated[int, Field(ge=0, le=LARGEST_COUNT)]
"""A whole number of things in a document; pydantic would take a text of 4000 digits too."""
Share = Annotated[float, Field(ge=0, le=1)]
"""A part of a whole."""


class Schema(BaseModel):
    """Base of what is stored, or sent to another process: it does not change, has no field that is
    not declared, and no number that is not finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def read_bytes(path: Path, advice: str, limit: int) -> bytes:
    """A regular file's contents; a pipe is not waited for.

    Raises:
        InputError: it is missing, no regular file, unreadable, or larger than ``limit`` bytes.
    """
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise InputError(f"{path}: is no file; {advice}")
            content = stream.read(limit + 1)
    except InputError:
        raise
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({reason_of(error)}); {advice}") from error
    if len(content) > limit:
        raise InputError(f"{path}: is larger than {limit // MEGABYTE} MB; {advice}")
    return content


def read_json(path: Path, advice: str, limit: int = JSON_BYTES) -> Any:
    """The value of a JSON file.

    Args:
        path: the file.
        advice: what to do where it cannot be read, for the error.
        limit: bytes it may have.

    Raises:
        InputError: it cannot be read, or is no JSON that can be held.
    """
    return parse_json(read_bytes(path, advice, limit), str(path), advice)


def parse_json(content: bytes | str, name: str, advice: str) -> Any:
    """The value of JSON text; ``name`` stands for it in errors, else as ``read_json``."""
    try:
        value = json.loads(_text(content), object_pairs_hook=_unique, parse_constant=_not_finite)
        _check(value)
    except RecursionError:
        raise InputError(f"{name}: is nested too deeply; {advice}") from None
    except ValueError as error:
        raise InputError(f"{name}: is not JSON ({reason_of(error)}); {advice}") from error
    return value


def read_toml(path: Path, advice: str) -> dict[str, Any]:
    """The table of a TOML file.

    Raises:
        InputError: it cannot be read, or is no TOML that can be held.
    """
    return parse_toml(read_bytes(path, advice, TOML_BYTES), str(path), advice)


def parse_toml(content: bytes | str, name: str, advice: str) -> dict[str, Any]:
    """The table of TOML text; ``name`` stands for it in errors."""
    try:
        value = tomllib.loads(_text(content))
        _check(value)
    except RecursionError:
        raise InputError(f"{name}: is nested too deeply; {advice}") from None
    except ValueError as error:
        raise InputError(f"{name}: is not TOML ({reason_of(error)}); {advice}") from error
    return value


def validated(
    schema: type[Document] | TypeAdapter[Document], value: Any, name: str, advice: str
) -> Document:
    """``value`` held against a schema.

    Raises:
        InputError: it does not fit; the first field that does not is named.
    """
    adapter = schema if isinstance(schema, TypeAdapter) else TypeAdapter(schema)
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise InputError(f"{name}: {first_error(error)}; {advice}") from error


Migrations = Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]]
"""By a document's version, what makes the next version's of it."""


def migrated(value: Any, version: int, migrations: Migrations, name: str, advice: str) -> Any:
    """A document brought to ``version``; one that is no earlier version stays as it is.

    Raises:
        InputError: it lacks what its own version has.
    """
    while isinstance(value, Mapping):
        found = value.get("schema_version")
        if not isinstance(found, int) or isinstance(found, bool):
            break
        if found not in migrations or found >= version:
            break
        try:
            value = migrations[found](dict(value)) | {"schema_version": found + 1}
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise InputError(
                f"{name}: does not fit schema_version {found} ({reason_of(error)}); {advice}"
            ) from error
    return value


def versioned(
    schema: type[Model],
    value: Any,
    version: int,
    name: str,
    advice: str,
    migrations: Migrations = MappingProxyType({}),
) -> Model:
    """``validated`` for documents that tell their ``schema_version``, which is looked at first;
    those of earlier versions are brought to this one."""
    value = migrated(value, version, migrations, name, advice)
    found = value.get("schema_version") if isinstance(value, Mapping) else None
    if found != version or isinstance(found, bool):
        told = shown(repr(found), 20)
        if isinstance(found, int) and not isinstance(found, bool) and found > version:
            advice = "a newer fbdeploy wrote it: update this one, or use that one"
        raise InputError(
            f"{name}: has schema_version {told}, this fbdeploy reads {version}; {advice}"
        )
    return validated(schema, value, name, advice)


def first_error(error: ValidationError) -> str:
    """Where and why a document does not fit its schema: the first of pydantic's errors."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(shown(part, KEY_LENGTH) for part in first["loc"])
    reason = first["msg"].removeprefix("Value error, ")
    return f"{where or 'the document'}: {shown(reason, 2 * KEY_LENGTH)}"


def _text(content: bytes | str) -> str:
    # A byte order mark is no part of the text (RFC 8259, TOML 1.0).
    return content.decode("utf-8-sig") if isinstance(content, bytes) else content


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"it holds the key {shown(twice)} twice")
    return table


def _not_finite(name: str) -> float:
    raise ValueError(f"it holds {name}, which is no number of JSON")


def _check(document: Any) -> None:
    """Raise ValueError or RecursionError for what cannot be held."""
    level = [document]
    for _ in range(DEPTH):
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                for key in value:
                    key.encode()
                below.extend(value.values())
            elif isinstance(value, list):
                below.extend(value)
            elif isinstance(value, float):
                if not math.isfinite(value):
                    raise ValueError("it holds a number that is not finite")
            elif isinstance(value, str):
                value.encode()
            elif isinstance(value, int) and abs(value) > LARGEST_INTEGER:
                raise ValueError("it holds a whole number beyond 64 bits")
        if not below:
            return
        level = below
    raise RecursionError
