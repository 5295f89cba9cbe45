"""Loads the user's own network from ``path/to/file.py:function``."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.parameter import is_lazy

from zoo.errors import InputError, shown
from zoo.input_spec import InputSpec
from zoo.probe import float32_output, refuse_scripted
from zoo.user_code import run_file
from zoo.user_process import Result, UserCodeError, run_user_code

_DATA_DEPENDENT = re.compile(r"DataDependent|data-dependent|\.item\(\)|_local_scalar_dense|nonzero")


def call_user_function(name: str, arguments: dict[str, object]) -> nn.Module:
    """Run the file, call the function, and return its module.

    Args:
        name: ``path/to/file.py:function``.
        arguments: keyword arguments; only those the function takes by name are passed.

    Returns:
        The module, on the CPU.

    Raises:
        InputError: no such file or function, an error in the user's code, or no nn.Module that can
            be deployed.
    """
    path = file_of(name)
    function = name.rpartition(":")[2]
    if not path.is_file():
        raise InputError(f"{name}: no such file {path}")
    module = _import(name, path)
    builder = getattr(module, function, None)
    if isinstance(builder, nn.Module):
        raise InputError(f"{name}: is a module; give a function that returns it")
    if not callable(builder):
        defined = [n for n, v in vars(module).items() if callable(v) and _is_own(v, module)]
        has = ", ".join(defined) or "none"
        raise InputError(f"{name}: {path} defines no function '{function}'; it has {has}")
    passed = {key: value for key, value in arguments.items() if _takes(builder, key)}
    _check_required(name, builder, passed)
    result = _run(name, path, lambda: builder(**passed))
    if not isinstance(result, nn.Module):
        raise InputError(f"{name}: returned {type(result).__name__}, not a torch.nn.Module")
    return _deployable(name, result)


def file_of(name: str) -> Path:
    """The user's file of ``path/to/file.py:function``."""
    return Path(name.rpartition(":")[0])


def probe(name: str, module: nn.Module, spec: InputSpec) -> object:
    """What the user's module returns for one black image of ``spec``.

    Raises:
        InputError: it fails, or what it computes depends on its input in ways that no exported
            graph can hold.
    """
    path = file_of(name)
    output = run_user_code(name, path, lambda: float32_output(name, module, spec))
    _check_traceable(name, path, module, spec)
    return output


@torch.no_grad()
def _check_traceable(name: str, path: Path, module: nn.Module, spec: InputSpec) -> None:
    """Run on shapes alone, as the capture does; other failures there are the capture's to tell."""
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        state: dict[str, torch.Tensor] = {
            key: mode.from_tensor(tensor)
            for key, tensor in [*module.named_parameters(), *module.named_buffers()]
        }
        image = torch.zeros(spec.shape)
        try:
            run_user_code(name, path, lambda: torch.func.functional_call(module, state, (image,)))
        except UserCodeError as error:
            cause = error.__cause__
            if not _DATA_DEPENDENT.search(f"{type(cause).__name__} {cause}"):
                return
            at = f" at {error.where}" if error.where else ""
            raise InputError(
                f"{name}: its forward branches on values of its input{at}, which no exported "
                "graph can; compute with tensors there, or leave it out"
            ) from error


def _deployable(name: str, module: nn.Module) -> nn.Module:
    """The module without wrappers, on the CPU.

    Raises:
        InputError: it is TorchScript, or has no weights yet, or they hold NaN.
    """
    while isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel):
        module = module.module
    module = getattr(module, "_orig_mod", module)  # of torch.compile
    refuse_scripted(name, module)
    for part, tensor in [*module.named_parameters(), *module.named_buffers()]:
        if is_lazy(tensor):
            raise InputError(
                f"{name}: '{shown(part)}' has no shape yet; run the module once on an example "
                "before you return it"
            )
        if tensor.is_meta:
            raise InputError(f"{name}: '{shown(part)}' is on the meta device, without values")
    module = module.cpu()
    for part, parameter in module.named_parameters():
        if not bool(parameter.isfinite().all()):
            raise InputError(f"{name}: '{shown(part)}' holds NaN or infinity; load sound weights")
    return module


def _import(name: str, path: Path) -> ModuleType:
    if path.suffix != ".py":
        raise InputError(f"{name}: {path} is not a Python file")
    return _run(name, path, lambda: run_file(path))


def _run(name: str, path: Path, action: Callable[[], Result]) -> Result:
    # For neighbours that are not imported by a statement but by name (importlib); last, so that
    # nothing else finds them in another module's place.
    folder = str(path.resolve().parent)
    sys.path.append(folder)
    try:
        return run_user_code(name, path, action)
    finally:
        if folder in sys.path:
            sys.path.remove(folder)


def _check_required(name: str, function: Callable[..., object], passed: dict[str, object]) -> None:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [
        p.name
        for p in parameters
        if p.default is p.empty and p.kind not in variadic and p.name not in passed
    ]
    if needed == ["num_classes"]:
        raise InputError(f"{name}: needs num_classes; give --num-classes, or it a default")
    if needed:
        raise InputError(f"{name}: needs {shown(', '.join(needed))}; give its arguments defaults")


def _takes(function: Callable[..., object], argument: str) -> bool:
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False
    return argument in parameters


def _is_own(value: object, module: ModuleType) -> bool:
    return getattr(value, "__module__", None) == module.__name__
