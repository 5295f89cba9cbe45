"""What is to be known of a format before anything of it is imported: one row each.

A new format is a row here, an exporter (``export/formats.py``), an inspector
(``export/inspection``) and a runtime (``runtime_bench/runtimes``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

NumberType = Literal["fp32", "fp16", "int8"]
"""What an artefact's values are."""
Layout = Literal["nchw", "nhwc"]
"""How an artefact takes an image: (1, 3, height, width) or (1, height, width, 3)."""
InputType = Literal["float32", "uint8", "image"]
"""What an artefact takes of an image: normalized values, or its pixels as they are, 0 to 255, in a
tensor or in Core ML's own kind of picture."""
TensorType = Literal["float32", "uint8"]
"""What can be asked of artefacts to take; with uint8, Core ML's take pictures."""
PIXELS: Final = "uint8"
PICTURE: Final = "image"
"""The variants of artefacts that take pixels: a tensor of them, or a picture."""
OutputForm = Literal["raw", "resized", "classes"]
"""What an artefact of a segmenter gives: what the network does, its logits at the input's size, or
the class of each pixel."""
RESIZED: Final = "resized"
CLASSES: Final = "classes"
OUTPUT_FORMS: tuple[OutputForm, ...] = (RESIZED, CLASSES)
"""Those that can be asked for beside the first."""
App = Literal["android", "ios"]

MEGABYTE = 1_000_000
INPUT_NAME = "input"
"""What the input is called in formats that name it."""


@dataclass(frozen=True)
class FormatInfo:
    """One format.

    ``title`` is its own spelling; ``suffix`` its files', with the dot. ``modules`` must be
    importable to make and check an artefact, ``packages`` are the distributions whose version
    changes one, ``extra`` is that of our own distribution which brings them, None where all
    installations have them. ``precisions`` are those its runtimes gain something from;
    ``variants`` the files it has of a precision besides the main one, by name. ``weights_only`` is
    whether it can hold int8 weights beside float activations. ``pixels`` are the precisions that
    have a variant which takes pixels, called ``pixel_variant``, made where that is asked for.
    ``export_memory`` (bytes) is an export's expected peak, ``export_seconds`` what it takes for
    fbnetv3_b; the longest goes first.
    ``layouts`` are those it can be made with, its ecosystem's first.
    ``apps`` are the demo apps that run it. ``timed`` is whether its runtime here is the one of the
    phone, so that the duration of a run says something. ``colors`` (light page, dark page) are the
    report's.
    """

    name: str
    title: str
    suffix: str
    modules: tuple[str, ...]
    packages: tuple[str, ...]
    precisions: tuple[NumberType, ...]
    export_memory: int
    export_seconds: float
    colors: tuple[str, str]
    extra: str | None = None
    variants: Mapping[NumberType, tuple[str, ...]] = field(default_factory=dict)
    weights_only: bool = False
    pixels: tuple[NumberType, ...] = ()
    pixel_variant: Literal["uint8", "image"] = PIXELS
    layouts: tuple[Layout, ...] = ("nchw",)
    apps: tuple[App, ...] = ()
    timed: bool = True

    @property
    def requirement(self) -> str:
        """What to give to pip for its packages."""
        return f"fbdeploy[{self.extra}]" if self.extra else "fbdeploy"

    def layout(self, wanted: Layout | None) -> Layout:
        """The layout of an artefact for which ``wanted`` was asked for, None for the usual one."""
        return wanted if wanted in self.layouts else self.layouts[0]

    def file_name(self, variant: str) -> str:
        """What the artefact of a variant is called in a folder of ``deploy``."""
        return f"{'-'.join(part for part in ('model', variant) if part)}{self.suffix}"

    def files(self, precision: NumberType, *, pixels: bool = False) -> tuple[str, ...]:
        """The variants to export in ``precision``; the main one is called "". None: no file. With
        ``pixels``, one that takes pixels is among them, if there is one."""
        if precision not in self.precisions:
            return ()
        more = (self.pixel_variant,) if pixels and precision in self.pixels else ()
        return ("", *self.variants.get(precision, ()), *more)


FORMAT_INFO = {
    info.name: info
    for info in (
        FormatInfo(
            name="executorch",
            title="ExecuTorch",
            suffix=".pte",
            modules=("executorch",),
            packages=("torch", "torchao", "executorch"),
            precisions=("fp32", "fp16", "int8"),
            pixels=("int8",),
            export_memory=1300 * MEGABYTE,
            export_seconds=40,
            colors=("#0f6b5c", "#5cc9b4"),
            apps=("android", "ios"),
        ),
        FormatInfo(
            name="torchscript",
            title="TorchScript",
            suffix=".pt",
            modules=("torch",),
            packages=("torch",),
            # ATen's processor kernels compute float16 slower than float32.
            precisions=("fp32", "int8"),
            export_memory=1200 * MEGABYTE,
            export_seconds=6,
            colors=("#86318f", "#d48bdd"),
        ),
        FormatInfo(
            name="onnx",
            title="ONNX",
            suffix=".onnx",
            modules=("onnx", "onnxruntime", "onnxscript"),
            packages=("torch", "onnx", "onnxscript", "onnxruntime"),
            precisions=("fp32", "fp16", "int8"),
            # The main file is U8S8, uint8 activations: the fast kernels of x86. s8s8: those of ARM.
            variants={"int8": ("s8s8",)},
            pixels=("int8",),
            export_memory=1400 * MEGABYTE,
            export_seconds=19,
            colors=("#2f5fb3", "#86aef5"),
            weights_only=True,
            apps=("android",),
        ),
        FormatInfo(
            name="coreml",
            title="Core ML",
            suffix=".mlpackage",
            modules=("coremltools",),
            packages=("torch", "coremltools"),
            extra="coreml",
            precisions=("fp32", "fp16", "int8"),
            pixels=("fp32", "fp16", "int8"),
            pixel_variant=PICTURE,
            export_memory=1500 * MEGABYTE,
            export_seconds=22,
            colors=("#5f6470", "#b3b8c2"),
            weights_only=True,
            apps=("ios",),
            timed=False,
        ),
        FormatInfo(
            name="litert",
            title="LiteRT",
            suffix=".tflite",
            modules=("litert_torch", "ai_edge_litert", "ai_edge_quantizer"),
            packages=("torch", "litert-torch", "ai-edge-litert", "ai-edge-quantizer"),
            extra="litert",
            precisions=("fp32", "fp16", "int8"),
            pixels=("int8",),
            export_memory=1700 * MEGABYTE,
            export_seconds=30,
            colors=("#a8480b", "#f0975a"),
            weights_only=True,
            # MediaPipe's tasks and Android's libraries take no other than NHWC.
            layouts=("nhwc", "nchw"),
            apps=("android",),
        ),
    )
}
"""The formats, in the order the manifest and the report list them."""


def variant_in_form(variant: str, output: OutputForm) -> str:
    """What the artefact of a variant is called that gives ``output``, such as ``uint8-classes``."""
    form = "" if output == "raw" else output
    return "-".join(part for part in (variant, form) if part)


def format_of(path: Path) -> FormatInfo | None:
    """The format that a file's suffix tells; None: of none."""
    return next((info for info in FORMAT_INFO.values() if info.suffix == path.suffix), None)


def known_suffixes() -> str:
    """The suffixes of all formats, for messages."""
    return ", ".join(info.suffix for info in FORMAT_INFO.values())
