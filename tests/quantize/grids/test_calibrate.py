"""Grids from one pass over the calibration images."""

from __future__ import annotations

import torch

from quantize.graph.capture import capture
from quantize.graph.passes import INTEGER_FORMS, run
from quantize.graph.plan import plan
from quantize.grids.calibrate import calibrate
from quantize.qparams import from_range
from tests.quantize.small_networks import SPEC, noise_images, tiny_network


def test_known_grids_are_taken_as_they_are() -> None:
    graph = capture(tiny_network().module, SPEC).graph
    run(graph, INTEGER_FORMS)
    chosen, images = plan(graph), torch.from_numpy(noise_images(32))
    found = calibrate(graph, chosen, images, batch=8)
    name, *others = found
    known = {other: from_range(0.0, 1.0) for other in others}
    again = calibrate(graph, chosen, images, batch=8, known=known)
    assert list(again) == list(found)
    assert again == {name: found[name], **known}
    assert found[name] != from_range(0.0, 1.0)
