"""``fbdeploy.export``."""

from __future__ import annotations

import os
from pathlib import Path

from export.base import ExportSource, atomic_artefact
from export.description import Description
from export.format_info import PIXELS, NumberType, format_of, known_suffixes
from export.formats import FORMATS, left_out, pixels_left_out
from fbdeploy.api.errors import in_python
from fbdeploy.pipeline.steps.opening import state_sha256
from fbdeploy.version import __version__
from quantize.graph.capture import capture
from quantize.program import Program
from zoo.errors import InputError
from zoo.networks import Network


@in_python
def export(
    source: Program | Network,
    path: str | os.PathLike[str],
    *,
    precision: NumberType | None = None,
    variant: str = "",
) -> Path:
    """Write an artefact of a program in int8, or of a network in float.

    The file says of itself what it is: classes, input, task, origin. ``deploy`` does that too, and
    runs what it wrote against what it was made from.

    Args:
        source: what ``quantize`` or ``load_network`` returned.
        path: the file; its suffix says the format: ``.pte``, ``.pt``, ``.onnx``, ``.mlpackage`` or
            ``.tflite``. Folders are made as needed.
        precision: of a network, ``fp32`` (None) or ``fp16``.
        variant: another file of the precision: ``s8s8``, of ONNX's other kernels, or ``uint8``
            (``image`` of Core ML), which takes an image's pixels.

    Returns:
        The path.

    Raises:
        InputError: the suffix is of no format, or the format cannot hold the source.
    """
    target = Path(path)
    info = format_of(target)
    if info is None:
        raise InputError(f"{target}: is of no format; give one of {known_suffixes()}")
    made = _source(source, precision)
    files = info.files(made.precision, pixels=True)
    if variant not in files:
        known = ", ".join(name for name in files if name) or "none"
        raise InputError(
            f"{target}: {info.title} has no {made.precision} {variant}".rstrip()
            + f"; precisions are {', '.join(info.precisions)}, variants {known}"
        )
    reason = None if made.program is None else left_out(info.name, made.program)
    floats = pixels_left_out(info.name, made.program) if variant == PIXELS else None
    if floats is not None:
        reason = f"{floats}, which pixels cannot become"
    if reason is not None:
        raise InputError(f"{target}: {reason}; choose another format")
    with atomic_artefact(target) as temporary:
        FORMATS[info.name].export(made, temporary, variant)
    return target


def _source(source: Program | Network, precision: NumberType | None) -> ExportSource:
    if isinstance(source, Program):
        if precision not in (None, "int8"):
            raise InputError(f"precision {precision}: a program is int8; give a network for floats")
        about = Description(
            source.network,
            source.interface.task,
            source.labels,
            source.input_spec,
            made_from=source.ranges_sha256(),
            version=__version__,
        )
        return ExportSource("int8", source.input_spec, source.graph, source, description=about)
    if precision == "int8":
        raise InputError("precision int8: needs a program; quantize the network first")
    captured = capture(source.module, source.input_spec, source.interface)
    about = Description(
        source.name,
        source.task,
        source.labels,
        source.input_spec,
        made_from=state_sha256(source),
        version=__version__,
    )
    return ExportSource(
        precision or "fp32",
        source.input_spec,
        captured.graph,
        float_interface=captured.interface,
        description=about,
    )
