"""What the code in a TorchScript archive may do, found out by reading it.

A TorchScript file is a program: loading it runs its ``__setstate__`` methods, a forward pass runs
the rest, and some operators read and write files (PyTorch's SECURITY.md: "Untrusted models"). The
code is stored as text in Python's syntax (torch/csrc/jit/docs/serialization.md), so that it can be
read without running any of it.
"""

from __future__ import annotations

import ast
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from zoo.errors import InputError

MAX_CODE_BYTES = 64_000_000
"""Of all code in an archive; that of Meta's FBNetV3 detector, 666 modules, has 1.3 MB."""

_NAMESPACES = frozenset({"aten", "prim", "quantized", "prepacked", "torchvision", "_quantized"})
"""Operators that only compute. Others come from libraries that are not known here."""
_CLASSES = frozenset({"quantized", "xnnpack"})
"""C++ classes that only hold packed weights."""
_FILE_OPERATORS = frozenset({"from_file", "save", "load", "read_file", "write_file", "_save"})
_STATE_OPERATORS = frozenset(
    {
        "ops.prim.RaiseException",
        "torch.__is__",
        "torch.__isnot__",
        "torch.__not__",
        "torch.eq",
        "torch.format",
        "torch.ne",
    }
)
"""What ``__setstate__`` of torch.ao's quantized layers calls beside the packing of weights."""
_STATE_BUILTINS = frozenset({"annotate", "unchecked_cast", "uninitialized", "isinstance"})


def refuse_unsafe_code(path: Path) -> None:
    """Refuse an archive whose code does more than compute.

    Refused are operators on files, operators and classes of libraries that are not torch's own, and
    a ``__setstate__`` that does anything but pack the weights of a quantized layer.

    Raises:
        InputError: as above, or the archive or its code cannot be read.
    """
    for name, text in _sources(path):
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise InputError(
                f"{path}: its code cannot be read ({name}), so that what it does is not known; "
                "export the artefact again"
            ) from error
        try:
            _check(path, tree)
        except RecursionError as error:
            raise _refusal(path, f"nests its code too deeply ({name})") from error


def _sources(path: Path) -> Iterator[tuple[str, str]]:
    try:
        with zipfile.ZipFile(path) as archive:
            code = [
                entry
                for entry in archive.infolist()
                if "/code/" in entry.filename and entry.filename.endswith(".py")
            ]
            if sum(entry.file_size for entry in code) > MAX_CODE_BYTES:
                raise _refusal(path, f"holds more than {MAX_CODE_BYTES // 1_000_000} MB of code")
            for entry in code:
                yield entry.filename, archive.read(entry).decode()
    except (
        zipfile.BadZipFile,
        zlib.error,
        UnicodeDecodeError,
        NotImplementedError,
        EOFError,
        RuntimeError,  # encrypted
        OSError,
    ) as error:
        raise InputError(
            f"{path}: is no readable TorchScript archive ({error}); export the artefact again"
        ) from error


def _check(path: Path, tree: ast.Module) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            _check_name(path, _dotted(node))
        if isinstance(node, ast.ClassDef):
            _check_state(path, node)


def _check_name(path: Path, name: str) -> None:
    parts = name.split(".")
    if parts[0] == "ops" and len(parts) >= 3 and parts[1] not in _NAMESPACES:
        raise _refusal(path, f"calls the operator {parts[1]}::{parts[2]} of another library")
    if parts[:3] == ["__torch__", "torch", "classes"] and len(parts) >= 5:
        if parts[3] not in _CLASSES:
            raise _refusal(path, f"uses the class {'.'.join(parts[3:])} of another library")
    elif parts[0] in ("torch", "ops") and len(parts) > 1 and parts[-1] in _FILE_OPERATORS:
        raise _refusal(path, f"calls {name}, which reads or writes files")


def _check_state(path: Path, module: ast.ClassDef) -> None:
    """Look at ``__setstate__`` and at all methods of the class that it can reach."""
    methods = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
    waiting, seen = ["__setstate__"] if "__setstate__" in methods else [], set[str]()
    while waiting:
        method = waiting.pop()
        if method in seen:
            continue
        seen.add(method)
        for node in ast.walk(methods[method]):
            if isinstance(node, ast.While | ast.For):
                raise _refusal(path, "runs a loop when it is loaded (__setstate__)")
            if not isinstance(node, ast.Call):
                continue
            called = _dotted(node.func)
            inner = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            if isinstance(node.func, ast.Attribute) and _is_self(node.func.value):
                if inner not in methods:
                    raise _refusal(path, f"calls {inner} when it is loaded (__setstate__)")
                waiting.append(inner)
            elif not _packs(called):
                shown = called or inner or "a function"
                raise _refusal(path, f"calls {shown} when it is loaded (__setstate__)")


def _packs(called: str) -> bool:
    parts = called.split(".")
    if called in _STATE_OPERATORS or called in _STATE_BUILTINS:
        return True
    return parts[:2] == ["ops", "quantized"] and any(
        word in parts[-1] for word in ("_prepack", "_unpack")
    )


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def _dotted(node: ast.expr) -> str:
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])


def _refusal(path: Path, what: str) -> InputError:
    return InputError(
        f"{path}: {what}; TorchScript is a program, and only one that computes is opened here: "
        "export the network with fbdeploy"
    )
