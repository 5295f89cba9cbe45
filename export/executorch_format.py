"""Facts of ExecuTorch's file format that its readers share."""

IDENTIFIERS = (b"ET12", b"ET13")
"""Bytes 4 to 8 of a file: file_identifier of executorch's schema/program.fbs, by version."""
SCALAR_TYPES = {
    0: "uint8",
    1: "int8",
    2: "int16",
    3: "int32",
    4: "int64",
    5: "float16",
    6: "float32",
    7: "float64",
    11: "bool",
    15: "bfloat16",
}
"""c10::ScalarType to the type's name."""
