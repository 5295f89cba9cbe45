"""int8 inside, float32 outside."""

from __future__ import annotations

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from export.tflite_interface import with_outer_interface
from tests.export.conftest import Workshop


def test_interface_is_float_and_the_inside_is_not(workshop: Workshop) -> None:
    interpreter = Interpreter(str(workshop.make("litert", "int8").path))
    assert interpreter.get_input_details()[0]["dtype"] == np.float32
    assert interpreter.get_output_details()[0]["dtype"] == np.float32
    layers = [d for d in interpreter._get_ops_details() if "CONV_2D" in d["op_name"]]
    kinds = {d["index"]: d["dtype"] for d in interpreter.get_tensor_details()}
    assert len(layers) == len(workshop.program.weights)
    assert all(kinds[layer["inputs"][0]] == np.int8 for layer in layers)


def test_input_grid_is_the_program_s(workshop: Workshop) -> None:
    interpreter = Interpreter(str(workshop.make("litert", "int8").path))
    first, second = interpreter._get_ops_details()[:2]
    assert first["op_name"] == "QUANTIZE" and second["op_name"] != "TRANSPOSE"
    grid = workshop.program.activations[workshop.program.plan.observed[0]]
    details = {d["index"]: d["quantization"] for d in interpreter.get_tensor_details()}
    scale, zero_point = details[first["outputs"][0]]
    assert abs(scale - grid.scale) < 1e-7 * grid.scale + 1e-9
    assert zero_point == grid.zero_point


def test_float_file_is_left_alone(workshop: Workshop) -> None:
    content = workshop.make("litert", "fp32").path.read_bytes()
    same, swapped = with_outer_interface(content, transpose_first=True)
    assert swapped == 0
    before, after = (Interpreter(model_content=data) for data in (content, same))
    assert len(before._get_ops_details()) == len(after._get_ops_details())
