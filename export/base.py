"""What every exporter takes, returns and offers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.fx import GraphModule

from export.description import Description
from export.format_info import PICTURE, PIXELS, InputType, Layout, NumberType, OutputForm
from export.graph_passes import applies
from quantize.program import Program
from zoo.errors import InputError, said
from zoo.files import atomic_file, atomic_folder
from zoo.input_spec import InputSpec
from zoo.outputs import LOGITS, Interface

FOLDER_MARKS = {".mlpackage": ("Manifest.json",)}
"""Suffixes of artefacts that are folders, each with what tells such a folder."""


@dataclass(frozen=True)
class ExportSource:
    """What to export: the canonical float graph, and for int8 the program as well.

    ``graph`` maps float32 (N, 3, H, W) to the outputs of ``interface``; artefacts do the same with
    N = 1, in every precision, and keep their order and names. ``skipped`` are the passes of
    ``export.graph_passes`` to leave out, ``layout`` that of the input where a format has a choice,
    None for its usual one. ``description`` is what the file says of itself, nothing if None. In
    ``shared`` an exporter keeps what the variants of one source have in common. ``output`` is what
    of a segmenter the graph gives (``export.output_forms``).
    """

    precision: NumberType
    input_spec: InputSpec
    graph: GraphModule
    program: Program | None = None
    skipped: frozenset[str] = frozenset()
    shared: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    float_interface: Interface = LOGITS
    layout: Layout | None = None
    description: Description | None = None
    output: OutputForm = "raw"

    def prepares(self, name: str) -> bool:
        """Whether the pass ``name`` of ``export.graph_passes`` is to be applied."""
        return applies(name, self.skipped)

    @property
    def interface(self) -> Interface:
        """What the outputs are: the program's, or without one ``float_interface``."""
        return self.float_interface if self.program is None else self.program.interface

    @property
    def stored_names(self) -> tuple[str, ...]:
        """The outputs' names where a format that goes by position is to keep them in a place of
        its own: none for a classifier's logits, whose files are as anyone's."""
        names = self.interface.names
        return () if names == LOGITS.names else names

    @property
    def example(self) -> Tensor:
        """One input, float32 (1, 3, H, W)."""
        return torch.zeros(self.input_spec.shape)

    def quantized(self) -> Program:
        """The program of an int8 export."""
        if self.program is None:
            raise ValueError("an int8 export needs a quantized program")
        return self.program


@dataclass(frozen=True)
class ExportResult:
    """What an export did: the rewrites its backend applied, by name, with how many places each."""

    passes: dict[str, int] = field(default_factory=dict)


class Exporter(Protocol):
    """Writes artefacts of one format."""

    @property
    def format(self) -> str:
        """The format's name, a key of ``FORMAT_INFO``."""

    def export(self, source: ExportSource, path: Path, variant: str = "") -> ExportResult:
        """Write the artefact to ``path``; ``variant`` is one of ``FormatInfo.files``. That which is
        its ``pixel_variant`` takes pixels, in the layout of the others.

        Raises:
            InputError: a package is missing, or the format cannot express the network.
        """


_INPUTS: dict[str, InputType] = {PIXELS: "uint8", PICTURE: "image"}


def input_type(variant: str) -> InputType:
    """What the artefact of a variant takes."""
    return _INPUTS.get(variant, "float32")


def atomic_artefact(path: Path) -> AbstractContextManager[Path]:
    """Where to write an artefact so that ``path`` holds a whole one or none (``zoo.files``).

    Raises:
        InputError: something else stands there, or it cannot be written.
    """
    marks = FOLDER_MARKS.get(path.suffix)
    return atomic_file(path) if marks is None else atomic_folder(path, marks)


def _told(error: BaseException) -> BaseException:
    """Of what was raised from what, the one that names the cause: torch.onnx's own errors tell in
    colours which step it was, and where to report it."""
    while type(error).__module__.startswith("torch.onnx.") and error.__cause__ is not None:
        error = error.__cause__
    return error


@contextmanager
def converter_errors(format_name: str) -> Iterator[None]:
    """Turn whatever a converter raises of a network into one line.

    Raises:
        InputError: the block raised; ``format_name`` names the converter.
    """
    try:
        yield
    except InputError:
        raise
    # Converters raise errors that share no base class.
    except Exception as error:
        raise InputError(
            f"{format_name}: its converter refuses this network ({said(_told(error))}); "
            "leave the format out with --formats or change the operator"
        ) from error
