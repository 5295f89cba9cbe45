"""``fbdeploy.load_network``."""

from __future__ import annotations

import os

from fbdeploy.api.errors import in_python
from fbdeploy.api.inputs import Channels, Size, input_options
from fbdeploy.pipeline.request import DEFAULT_NETWORK
from fbdeploy.pipeline.steps.opening import open_network
from zoo.input_spec import Interpolation
from zoo.networks import Network


@in_python
def load_network(
    network: str = DEFAULT_NETWORK,
    weights: str | os.PathLike[str] | None = None,
    *,
    num_classes: int | None = None,
    input_size: Size | None = None,
    mean: Channels | None = None,
    std: Channels | None = None,
    crop_pct: float | None = None,
    interpolation: Interpolation | None = None,
) -> Network:
    """A float network with its weights, its input and its labels.

    Args:
        network: a name of ``fbdeploy zoo``, or ``FILE.py:FUNCTION``.
        weights: a state dict, or ``"pretrained"`` to download; None: the embedded ones of
            ``default``, else random ones, always the same.
        num_classes: classes, if the weights do not say.
        input_size: pixels, one number or (height, width).
        mean: of each channel, of values in 0..1.
        std: of each channel.
        crop_pct: the part of the resized shorter side that the centre crop keeps, in 0.1..1.
        interpolation: ``nearest``, ``bilinear`` or ``bicubic``.

    Raises:
        InputError: an unknown name, or weights that cannot be had or do not fit.
    """
    given = input_options(input_size, mean, std, crop_pct, interpolation)
    path = None if weights is None else os.fspath(weights)
    return open_network(os.fspath(network), path, num_classes, given)
