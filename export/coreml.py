"""Core ML ML programs (``.mlpackage``) for iOS 17 and later."""

from __future__ import annotations

import copy
from collections import Counter
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch.fx import GraphModule

from export.base import (
    ExportResult,
    ExportSource,
    converter_errors,
    input_type,
)
from export.coreml_forms import dilated_max_pools
from export.coremltools_import import import_coremltools
from export.description import MAKER, Description
from export.format_info import CLASSES, INPUT_NAME, PICTURE
from export.half import fits_half
from export.light_conversion import light_conversion
from export.normalizing import normalize_inside
from export.tracing import light_tracing
from quantize.forms.hard_swish import float_between
from quantize.forms.qdq import to_reference_dialect

PROBABILITIES = "probabilities"
"""What a classifier's softmax is called inside; outside it is ``classLabel_probs``, by name."""


class CoreMLExporter:
    """Converts with coremltools; fp16 computes in float16, the Neural Engine's own type.

    The variant ``image`` takes a picture instead of a tensor, as Vision gives one, and normalizes
    it itself; a classifier's also gives the class and each class's probability by name.

    int8 is W8A8 with the program's own scales in the patterns of coremltools' CoreMLQuantizer: a
    layer with its activation, a sum, a product between int8 values; float16 elsewhere, or float32
    where float16 cannot hold the program's values.
    """

    format = "coreml"

    def export(self, source: ExportSource, path: Path, variant: str = "") -> ExportResult:
        """Write ``path``; see :class:`export.base.Exporter`."""
        coremltools: Any = import_coremltools()
        graph, passes, spec = source.graph, dict[str, int](), source.input_spec
        half = source.precision != "fp32"
        if source.precision == "int8":
            program = source.quantized()
            if source.prepares("fused_hard_swish"):
                program, passes["fused_hard_swish"] = float_between(program)
            half = fits_half(program)
            passes["float32_computation"] = int(not half)
            graph = to_reference_dialect(program)
        else:
            graph = copy.deepcopy(graph)
        passes["dilated_max_pools"] = dilated_max_pools(graph, half=half)
        pictures = variant == PICTURE
        if pictures:
            normalize_inside(graph, spec)
        classes = _classes(source) if pictures else []
        output_type: Any = partial(coremltools.TensorType, dtype=np.float32)
        if source.output == CLASSES:
            _as_picture(graph)
            output_type = partial(
                coremltools.ImageType, color_layout=coremltools.colorlayout.GRAYSCALE
            )
        names = list(source.interface.names)
        if classes:
            _add_probabilities(graph)
            names.append(PROBABILITIES)
        # Without a type, an input or output is float16 where the computation is.
        given = coremltools.TensorType(INPUT_NAME, spec.shape, dtype=np.float32)
        if pictures:
            rgb = coremltools.colorlayout.RGB
            given = coremltools.ImageType(INPUT_NAME, spec.shape, color_layout=rgb)
        with converter_errors(self.format), light_conversion():
            with light_tracing():
                program = torch.export.export(graph, (source.example,)).run_decompositions({})
            made = coremltools.convert(
                program,
                convert_to="milinternal" if classes else "mlprogram",
                # iOS 17 is the first to run int8 activations.
                minimum_deployment_target=coremltools.target.iOS17,
                compute_precision=(
                    coremltools.precision.FLOAT16 if half else coremltools.precision.FLOAT32
                ),
                inputs=[given],
                outputs=[output_type(name) for name in names],
                skip_model_load=True,
            )
            model = _answering_by_class(coremltools, made, classes) if classes else made
        if source.description is not None:
            told = source.description.properties("nchw", input_type(variant), source.interface)
            _describe(model, source.description, told, pictures=pictures)
        model.save(str(path))
        return ExportResult(passes)


def _classes(source: ExportSource) -> list[str]:
    """A classifier's classes, each once, since Core ML has a number by name; none of others."""
    about = source.description
    if about is None or not about.labels or source.interface.task != "classification":
        return []
    seen = Counter(about.labels)
    return [
        f"{label} ({index})" if seen[label] > 1 else label
        for index, label in enumerate(about.labels)
    ]


def _answering_by_class(coremltools: ModuleType, program: Any, classes: list[str]) -> Any:
    """The model of a MIL program with ``PROBABILITIES``, which are given by the classes' names.

    Apart from the conversion, whose types of outputs coremltools 9.0 counts beside the names.
    """
    program.functions["main"].set_output_types(None)
    return coremltools.convert(
        program,
        convert_to="mlprogram",
        minimum_deployment_target=coremltools.target.iOS17,
        compute_precision=coremltools.precision.FLOAT32,  # which values are halves is settled
        classifier_config=coremltools.ClassifierConfig(
            classes, predicted_probabilities_output=PROBABILITIES
        ),
        skip_model_load=True,
    )


def _add_probabilities(graph: GraphModule) -> None:
    """Return the softmax of the logits behind them."""
    output = graph.graph.output_node()
    (logits,) = output.all_input_nodes
    with graph.graph.inserting_before(output):
        made = graph.graph.call_function(torch.ops.aten.softmax.int, (logits, -1))
    output.args = ((logits, made),)
    graph.recompile()


def _as_picture(graph: GraphModule) -> None:
    """Return the classes of the pixels, uint8 (1, H, W), as floats (1, 1, H, W), which a picture of
    one channel is made of: Core ML has no tensors of 8 bits."""
    output = graph.graph.output_node()
    (classes,) = output.all_input_nodes
    classes.kwargs = {"dtype": torch.float32}
    with graph.graph.inserting_before(output):
        picture = graph.graph.call_function(torch.ops.aten.unsqueeze.default, (classes, 1))
    output.replace_input_with(classes, picture)
    graph.recompile()


def _describe(
    model: Any, description: Description, told: dict[str, str], *, pictures: bool
) -> None:
    """Fill in the fields that Xcode and Core ML show."""
    model.author, model.version = MAKER, description.version
    model.short_description = f"{description.network}: {description.task} of images"
    if description.license:
        model.license = description.license
    what = "RGB image (1, 3, height, width), normalized"
    if pictures:
        spec = description.input_spec
        what = f"RGB image of {spec.width} x {spec.height} pixels"
    model.input_description[INPUT_NAME] = what
    model.user_defined_metadata.update(told)
