"""TorchScript archives without what only tells of the process that wrote them."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any

import torch

_NUMBER = re.compile(rb"(?<=___torch_mangle_)\d+")
"""torch numbers classes through a process's life (torch/csrc/jit/frontend/name_mangler.h), so that
a file would depend on what was exported before it."""
_WRITTEN_BY_TORCH = frozenset({"version", "byteorder", ".data/serialization_id"})
_SOURCES = ".debug_pkl"
"""Where in Python every line was traced: paths of this machine, of no use on another."""


def canonical(archive: bytes) -> bytes:
    """``archive`` with its classes numbered from 0 in the order they are met, and no debug records.

    The code itself, the tensors and their alignment stay as they are.
    """
    stored = zipfile.ZipFile(io.BytesIO(archive))
    names = [name for name in stored.namelist() if not name.endswith(_SOURCES)]
    numbers: dict[bytes, bytes] = {}

    def renumbered(content: bytes) -> bytes:
        return _NUMBER.sub(
            lambda found: numbers.setdefault(found[0], str(len(numbers)).encode()), content
        )

    made = io.BytesIO()
    writer: Any = torch._C.PyTorchFileWriter(made)
    for name in names:
        record = name.partition("/")[2]
        if record in _WRITTEN_BY_TORCH:
            continue
        content = stored.read(name)
        if record.startswith("code/") or record.endswith(".pkl"):
            content = renumbered(content)
            record = renumbered(record.encode()).decode()
        writer.write_record(record, content, len(content))
    writer.write_end_of_file()
    return made.getvalue()
