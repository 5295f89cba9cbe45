"""The formats a deployment can make, and what each needs to be installed."""

from __future__ import annotations

from importlib import util
from typing import cast

from fbdeploy.manifest import Format, Precision
from zoo.errors import InputError

FORMATS: tuple[Format, ...] = ("executorch", "torchscript", "onnx", "coreml", "litert")
PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")

MODULES = {
    "executorch": ("executorch",),
    "torchscript": ("torch",),
    "onnx": ("onnx", "onnxruntime", "onnxscript"),
    "coreml": ("coremltools",),
    "litert": ("litert_torch", "ai_edge_litert", "ai_edge_quantizer"),
}
"""Modules that must be there, by format; looked for without importing them."""

EXTRAS = {"coreml": "coreml", "litert": "litert"}
"""The extra of our distribution that brings them; the other formats come with it."""


def is_installed(form: Format) -> bool:
    """Whether the packages of a format are installed."""
    return all(util.find_spec(module) is not None for module in MODULES[form])


def check_installed(form: Format) -> None:
    """Refuse a format whose packages are absent.

    Raises:
        InputError: they are; the line names the ``pip install``.
    """
    for module in MODULES[form]:
        if util.find_spec(module) is None:
            extra = EXTRAS.get(form)
            what = f"fbdeploy[{extra}]" if extra else "fbdeploy"
            raise InputError(
                f"--formats {form}: its package {module} is not installed; "
                f"run pip install '{what}', or leave the format out"
            )


def installed_formats() -> tuple[Format, ...]:
    """The formats that can be made here."""
    return tuple(form for form in FORMATS if is_installed(form))


def as_formats(names: tuple[str, ...]) -> tuple[Format, ...]:
    """Names that have been checked against ``FORMATS``."""
    return tuple(cast(Format, name) for name in names)


def as_precisions(names: tuple[str, ...]) -> tuple[Precision, ...]:
    """Names that have been checked against ``PRECISIONS``."""
    return tuple(cast(Precision, name) for name in names)
