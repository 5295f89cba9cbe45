"""An ONNX model that is being rewritten: its constants, producers and readers by name."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.packages import require


class Editor:
    """A model with its initializers and producers by name."""

    def __init__(self, model: Any) -> None:
        self.onnx = require("onnx", "onnx")
        self.graph = model.graph
        self._initializers = {entry.name: entry for entry in self.graph.initializer}
        self._producers = {name: node for node in self.graph.node for name in node.output if name}
        self.created: list[Any] = []

    def constant(self, name: str) -> NDArray[Any] | None:
        """The value of an initializer."""
        entry = self._initializers.get(name)
        return None if entry is None else np.asarray(self.onnx.numpy_helper.to_array(entry))

    def add(self, name: str, value: NDArray[Any]) -> str:
        """A new initializer; the name is given once."""
        if name not in self._initializers:
            entry = self.onnx.numpy_helper.from_array(value, name)
            self._initializers[name] = entry
            self.graph.initializer.append(entry)
        return name

    def dequantize_of(self, name: str) -> Any | None:
        """The DequantizeLinear that makes ``name``, if one does."""
        node = self._producers.get(name)
        return node if node is not None and node.op_type == "DequantizeLinear" else None

    def readers(self, name: str) -> list[Any]:
        """The nodes that read ``name``."""
        return [node for node in self.graph.node if name in node.input]

    def grid(self, node: Any) -> tuple[float, int, Any] | None:
        """Scale, zero point and integer type of a per-tensor quantize or dequantize node."""
        if node is None or node.op_type not in ("QuantizeLinear", "DequantizeLinear"):
            return None
        scale, zero = (self.constant(name) for name in node.input[1:3])
        if scale is None or zero is None or scale.size != 1:
            return None
        return float(scale), int(zero), zero.dtype

    def quantized_constant(self, name: str) -> float | None:
        """The value of a number that reaches ``name`` through a quantize and a dequantize."""
        stored = self.dequantize_of(name)
        quantize = self._producers.get(stored.input[0]) if stored is not None else None
        value = self.constant(quantize.input[0]) if quantize is not None else None
        return float(value.reshape(-1)[0]) if value is not None and value.size == 1 else None

    def insert_before(self, node: Any, created: Any) -> None:
        """Put ``created`` in front of ``node``."""
        index = next(i for i, other in enumerate(self.graph.node) if other is node)
        self.graph.node.insert(index, created)

    def finish(self) -> None:
        """Drop what nothing reads, and the recorded types, which the passes made stale."""
        read = {name for node in self.graph.node for name in node.input}
        for entry in [e for e in self.graph.initializer if e.name not in read]:
            self.graph.initializer.remove(entry)
        del self.graph.value_info[:]
