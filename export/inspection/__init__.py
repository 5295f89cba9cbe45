"""What is inside an artefact: operators, int8 and delegated share, islands, memory."""

from __future__ import annotations

from pathlib import Path

from export.coverage import Island
from export.format_info import format_of, known_suffixes
from export.inspection.base import Reader
from export.inspection.coreml import CoreMLReader
from export.inspection.executorch import ExecuTorchReader
from export.inspection.inspection import Inspection, Port
from export.inspection.litert import LiteRTReader
from export.inspection.onnx import OnnxReader
from export.inspection.summary import inspection_of
from export.inspection.torchscript import TorchScriptReader
from zoo.errors import InputError

READERS: tuple[Reader, ...] = (
    ExecuTorchReader(),
    TorchScriptReader(),
    OnnxReader(),
    CoreMLReader(),
    LiteRTReader(),
)


def inspect(path: Path) -> Inspection:
    """Inspect an artefact, whose format its suffix tells, or its content where the suffix does not.

    Raises:
        InputError: there is no such file, it is of no known format, its content is not what its
            suffix says, it is truncated, or the format's package is not installed.
    """
    if not path.exists():
        raise InputError(f"{path}: no such artefact; check the path")
    try:
        recognized = [reader for reader in READERS if reader.recognizes(path)]
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); check its permissions"
        ) from error
    info = format_of(path)
    named = next((reader for reader in READERS if info and reader.format == info.name), None)
    if named is None:
        if not recognized:
            raise InputError(f"{path}: is no artefact; give a {known_suffixes()} file")
        named = recognized[0]
    elif named not in recognized:
        found = f"its content is {recognized[0].format}" if recognized else "its content is not"
        raise InputError(
            f"{path}: is named as {named.format} but {found}; export the artefact again"
        )
    return inspection_of(named.read(path))


__all__ = ["READERS", "Inspection", "Island", "Port", "Reader", "inspect"]
