"""Reads weights files that are not trusted, running no code from them."""

from __future__ import annotations

import argparse
import importlib
import json
import pickle
import re
import types
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch._weights_only_unpickler import Unpickler

from zoo.checkpoints.unwrapping import State, Stored, find_states
from zoo.errors import InputError, reason_of, shown

LONGEST_REASON = 120
LONGEST_MESSAGE = 1000
MOST_EXPANSION = 100
"""Bytes a zip file may hold for each byte it has; torch stores tensors without compression."""

_MAGIC = (
    (b"\x89HDF", 0, "an HDF5 file, as Keras writes"),
    (b"GGUF", 0, "a GGUF file"),
    (b"TFL3", 4, "a TensorFlow Lite program"),
    (b"ET", 4, "an ExecuTorch program"),
    (b"\x93NUMPY", 0, "a NumPy array"),
)
_RECORDS = re.compile(
    r"(mmengine|mmcv|pytorch_lightning|lightning|lightning_fabric|omegaconf|yacs|fvcore)\."
)
"""Training frameworks whose configurations and logs lie beside the weights in their checkpoints."""


class _Record:
    """Stands for an object of ``_RECORDS``: takes what is given and does nothing with it."""

    def __new__(cls, *_: object, **__: object) -> _Record:
        return super().__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass


def read_states(path: Path) -> tuple[Stored, ...]:
    """The state dicts in a ``.safetensors`` file or a pickle, the likeliest first; at least one.

    Which of the two a file is, its content says.

    Raises:
        InputError: the file is missing, no regular file, truncated, holds no state dict, or holds
            Python objects.
    """
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give the weights file in it")
    if not path.is_file():
        what = "is a pipe or device" if path.exists() else "no such weights file"
        raise InputError(f"{path}: {what}; give a .safetensors or .pth file")
    try:
        if not path.stat().st_size:
            raise InputError(f"{path}: is empty; fetch or save it again")
        if _is_safetensors(path):
            return (Stored("", _read_safetensors(path)),)
        stored = find_states(_read_pickle(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({reason_of(error)})") from error
    if not stored:
        raise InputError(
            f"{path}: is no state dict (names to tensors); save the network's state_dict()"
        )
    return stored


def _is_safetensors(path: Path) -> bool:
    """Whether it is one, or has its suffix and is not a pickle in disguise."""
    with path.open("rb") as stream:
        start = stream.read(9)
    length = int.from_bytes(start[:8], "little")
    if start[8:] == b"{" and length < path.stat().st_size:
        return True
    pickled = start.startswith((b"PK\x03\x04", b"\x80"))
    return path.suffix == ".safetensors" and not pickled


def _read_safetensors(path: Path) -> State:
    _check_header(path)
    try:
        state: State = load_file(path)
    except OSError:
        raise
    except Exception as error:  # its reader's errors, and torch's of dtypes that it lacks
        raise InputError(
            f"{path}: is not a whole safetensors file ({_reason(error)}); fetch or save it again"
        ) from error
    if not state:
        raise InputError(f"{path}: holds no tensors; save the network's state_dict()")
    return state


def _check_header(path: Path) -> None:
    """Refuse names given twice, of which the reader would keep either."""
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = stream.read(length) if length < path.stat().st_size else b""
    twice: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in items:
            if key in found:
                twice.append(key)
            found[key] = value
        return found

    try:
        json.loads(header, object_pairs_hook=pairs)
    except (ValueError, RecursionError):  # the reader says what is wrong
        return
    if twice:
        raise InputError(f"{path}: names {shown(twice[0])} twice; save it again")


def _read_pickle(path: Path) -> object:
    _check_kind(path)
    try:
        with torch.serialization.safe_globals(_harmless(path)), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of storages, which no user of ours has to do with
            # A stream, since of a path torch would believe the suffix.
            with path.open("rb") as stream, _short_messages():
                return torch.load(stream, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        text = str(error)
        if any(word in text for word in ("GLOBAL", "global", "REDUCE", "opcode", "operand")):
            named = re.search(r"GLOBAL ([\w.]+)", text)
            objects = f"Python objects ({shown(named[1])})" if named else "Python objects"
            raise InputError(
                f"{path}: holds {objects}, which could run code when read; "
                "save its state_dict() alone, best as .safetensors"
            ) from error
        raise _broken(path, error) from error
    except (OSError, MemoryError):
        raise
    except Exception as error:  # arbitrary bytes make the unpickler fail in many ways
        raise _broken(path, error) from error


@contextmanager
def _short_messages() -> Iterator[None]:
    """While torch reads a pickle, what its unpickler says against it is short.

    A message may quote as much text as the file holds, and torch.load searches it for
    ``(\\S+) must be``, whose time is quadratic: a name of a megabyte takes an hour.
    """
    whole: Callable[[Unpickler], object] = Unpickler.load

    def load(self: Unpickler) -> object:
        try:
            return whole(self)
        except pickle.UnpicklingError as error:
            raise pickle.UnpicklingError(str(error)[:LONGEST_MESSAGE]) from None

    Unpickler.load = load  # type: ignore[method-assign]
    try:
        yield
    finally:
        Unpickler.load = whole  # type: ignore[method-assign]


def _check_kind(path: Path) -> None:
    """Say what a file is that is no pickle of tensors, where it is known."""
    with path.open("rb") as stream:
        start = stream.read(16)
    for magic, offset, what in _MAGIC:
        if start[offset:].startswith(magic):
            raise InputError(f"{path}: is {what}, no PyTorch checkpoint; save a state_dict()")
    if start.lstrip()[:1] in (b"{", b"<"):
        raise InputError(f"{path}: is a text file, no weights; give the .safetensors or .pth file")
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        return  # of PyTorch before 1.6, or broken
    inside = {name.partition("/")[2] for member in members if (name := member.filename)}
    if "constants.pkl" in inside or any(name.startswith("code/") for name in inside):
        raise InputError(
            f"{path}: is a TorchScript program, no weights file; save the state_dict() of the "
            "network it was made from, or torch.jit.load(...).state_dict()"
        )
    if "archive_format" in inside or any(name.startswith("models/") for name in inside):
        raise InputError(f"{path}: is a torch.export program; save the network's state_dict()")
    if members and all(member.filename.endswith(".npy") for member in members):
        raise InputError(f"{path}: is an archive of NumPy arrays; save a state_dict()")
    if sum(member.file_size for member in members) > MOST_EXPANSION * path.stat().st_size:
        raise InputError(f"{path}: is compressed beyond belief; save it again with torch.save")


def _harmless(path: Path) -> list[Any]:
    """Types beside torch's own that training scripts save and that run no code when read."""
    multiarray = importlib.import_module("numpy._core.multiarray")
    dtypes = [
        kind for kind in vars(np.dtypes).values() if isinstance(kind, type) and kind is not np.dtype
    ]
    found: list[Any] = [
        argparse.Namespace,
        types.SimpleNamespace,
        np.ndarray,
        np.dtype,
        *dtypes,
        *(
            (function, f"{room}.{function.__name__}")
            for function in (multiarray.scalar, multiarray._reconstruct)
            for room in ("numpy.core.multiarray", "numpy._core.multiarray")
        ),
    ]
    try:
        unknown = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:  # of PyTorch before 1.6, or broken
        unknown = []
    return found + [(_Record, name) for name in unknown if _RECORDS.match(name)]


def _broken(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path}: is truncated or no weights file ({_reason(error)}); fetch or save it again"
    )


def _reason(error: Exception) -> str:
    telling = isinstance(error, RuntimeError | pickle.UnpicklingError | SafetensorError)
    return shown(reason_of(error) if telling else "not readable", LONGEST_REASON)
