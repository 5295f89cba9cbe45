"""An interpreter of Core ML's MIL programs in torch, for machines that have no Core ML.

It re-reads the saved ``.mlpackage``, specification and ``weight.bin``, as Core ML would, and
computes its operators one by one. So it checks the artefact: that the file holds the network, with
its weights, scales and shapes. It does not check Apple's runtime, whose kernels round and fuse in
their own ways, and its durations say nothing about a device.
"""

from runtime_bench.runtimes.mil_interpreter.program import MilProgram, UnknownOperatorError

__all__ = ["MilProgram", "UnknownOperatorError"]
