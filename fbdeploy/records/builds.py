"""What can be made of a network in a format: its number type, and for int8 of which program.

Documents hold both parts. The command line, folders and names of artefacts have one word for them,
a *build*: int8 is that of the post-training program, int8-qat that of the trained one.
"""

from __future__ import annotations

from typing import Literal, get_args

from export.format_info import NumberType

ProgramName = Literal["ptq", "qat"]
"""How an int8 program came about: by post-training quantization, or trained further."""
ProgramOf = Literal["", "ptq", "qat"]
"""The program of an artefact; empty where it was made from the float network."""
Build = Literal["fp32", "fp16", "int8", "int8-qat"]
BUILDS: tuple[Build, ...] = get_args(Build)
BUILD_OF: dict[ProgramName, Build] = {"ptq": "int8", "qat": "int8-qat"}
_PROGRAM: dict[Build, ProgramOf] = {build: program for program, build in BUILD_OF.items()}
_PRECISION: dict[Build, NumberType] = {
    "fp32": "fp32",
    "fp16": "fp16",
    "int8": "int8",
    "int8-qat": "int8",
}


def precision_of(build: Build) -> NumberType:
    """The number type of a build's values."""
    return _PRECISION[build]


def program_of(build: Build) -> ProgramOf:
    """The program that a build is made from; empty for those of the float network."""
    return _PROGRAM.get(build, "")


def build_of(precision: NumberType, program: ProgramOf) -> Build:
    """The build that documents tell by its two parts."""
    return "int8-qat" if program == "qat" else precision
