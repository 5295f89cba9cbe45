"""``fbdeploy.deploy``."""

from __future__ import annotations

import os
from pathlib import Path

from export.format_info import Layout, TensorType
from fbdeploy.api.deploy_request import Names, deploy_request, left_out
from fbdeploy.api.errors import in_python
from fbdeploy.api.inputs import Channels, Size, input_options
from fbdeploy.api.watching import Lines, Told, nobody
from fbdeploy.pipeline.deploy import Deployed
from fbdeploy.pipeline.deploy import deploy as run
from fbdeploy.pipeline.request import DEFAULT_IMAGES, DEFAULT_MODE, DEFAULT_NETWORK
from zoo.files import try_folder
from zoo.input_spec import Interpolation


@in_python
def deploy(
    network: str = DEFAULT_NETWORK,
    weights: str | os.PathLike[str] | None = None,
    *,
    data: str | os.PathLike[str] | None = None,
    calibration: str | os.PathLike[str] | None = None,
    output: str | os.PathLike[str] = "out",
    formats: Names | None = None,
    precisions: Names | None = None,
    recipe: str | os.PathLike[str] = "ptq",
    num_classes: int | None = None,
    input_size: Size | None = None,
    mean: Channels | None = None,
    std: Channels | None = None,
    crop_pct: float | None = None,
    interpolation: Interpolation | None = None,
    threads: int = 1,
    images: int | None = DEFAULT_IMAGES,
    skip_bad_images: bool = False,
    layout: Layout | None = None,
    input_type: TensorType = "float32",
    output_forms: Names | None = None,
    no_data: bool = False,
    artefacts_only: bool = False,
    accept_low_fidelity: bool = False,
    mode: str = DEFAULT_MODE,
    progress: Told | None = None,
) -> Deployed:
    """Quantize, export, verify, evaluate, time and report, as ``fbdeploy deploy`` does.

    A call that was cut off goes on where it stopped when it is made again.

    Args:
        network: a name of ``fbdeploy zoo``, or ``FILE.py:FUNCTION``.
        weights: a state dict, or ``"pretrained"`` to download; None: the embedded ones of
            ``default``, else random ones.
        data: the labelled images to score on: a folder, or a dataset's name.
        calibration: the images that int8 is calibrated on.
        output: the folder for everything that is made.
        formats: some of ``executorch``, ``torchscript``, ``onnx``, ``coreml``, ``litert``; None:
            all that are installed.
        precisions: some of ``fp32``, ``fp16``, ``int8``, ``int8-qat``.
        recipe: how to quantize: a recipe's name or a TOML file.
        num_classes: classes, if the weights do not say.
        input_size: pixels, one number or (height, width).
        mean: of each channel, of values in 0..1.
        std: of each channel.
        crop_pct: the part of the resized shorter side that the centre crop keeps, in 0.1..1.
        interpolation: ``nearest``, ``bilinear`` or ``bicubic``.
        threads: that latency is timed with.
        images: how many each artefact is scored on; None: all.
        skip_bad_images: leave out images that cannot be read.
        layout: ``nchw`` for LiteRT artefacts that take (1, 3, height, width); they take (1, height,
            width, 3) otherwise.
        input_type: ``uint8`` for artefacts that take pixels as they are, beside the others: uint8
            in int8, and Core ML's pictures.
        output_forms: what artefacts of a segmenter are made to give beside its logits: some of
            ``resized``, these at the input's size, and ``classes``, the class of each pixel.
        no_data: score nothing, and calibrate int8 on random images unless others are given.
        artefacts_only: end when the artefacts are made and checked.
        accept_low_fidelity: count it as complete even if int8 is far from float.
        mode: how long artefacts are timed: ``quick``, ``standard`` or ``mlperf``.
        progress: is told, in a line, of each job that ended and of what is worth knowing.

    Returns:
        What is in the folder: ``print`` it, or look at its ``results``, ``problems`` and
        ``complete``.

    Raises:
        InputError: bad input, in one line.
        fbdeploy.pipeline.running.PipelineError: the network could not be prepared.
    """
    folder = Path(output)
    try_folder(folder)
    told = progress or nobody
    request = deploy_request(
        os.fspath(network),
        _text(weights),
        data=_text(data),
        calibration=_text(calibration),
        output=folder,
        formats=formats,
        precisions=precisions,
        recipe=os.fspath(recipe),
        num_classes=num_classes,
        input=input_options(input_size, mean, std, crop_pct, interpolation),
        threads=threads,
        images=images,
        skip_bad_images=skip_bad_images,
        layout=layout,
        input_type=input_type,
        output_forms=output_forms,
        no_data=no_data,
        artefacts_only=artefacts_only,
        accept_low_fidelity=accept_low_fidelity,
        mode=mode,
    )
    for line in left_out(request, formats):
        told(line)
    return run(request, Lines(told), artefacts_only=artefacts_only)


def _text(given: str | os.PathLike[str] | None) -> str | None:
    return None if given is None else os.fspath(given)
