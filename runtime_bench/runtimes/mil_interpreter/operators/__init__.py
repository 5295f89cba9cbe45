"""What each MIL operator computes: ``OPERATORS``, type to function.

Semantics follow coremltools' operator definitions (``coremltools/converters/mil/mil/ops/defs``).
A new operator is a line in the table of its kind.
"""

from runtime_bench.runtimes.mil_interpreter.operators.choosing import CHOOSING
from runtime_bench.runtimes.mil_interpreter.operators.elementwise import ELEMENTWISE
from runtime_bench.runtimes.mil_interpreter.operators.layers import LAYERS
from runtime_bench.runtimes.mil_interpreter.operators.operator import Operator
from runtime_bench.runtimes.mil_interpreter.operators.quantization import QUANTIZATION
from runtime_bench.runtimes.mil_interpreter.operators.resampling import RESAMPLING
from runtime_bench.runtimes.mil_interpreter.operators.shapes import SHAPES

OPERATORS: dict[str, Operator] = {
    **LAYERS,
    **ELEMENTWISE,
    **CHOOSING,
    **SHAPES,
    **RESAMPLING,
    **QUANTIZATION,
}

__all__ = ["OPERATORS", "Operator"]
