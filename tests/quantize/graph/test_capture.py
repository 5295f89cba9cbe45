"""A captured network is the same after it has been stored."""

from __future__ import annotations

from pathlib import Path

import torch

from quantize.graph.capture import capture, load_captured
from quantize.graph.interpret import batch_size
from quantize.graph.plan import plan
from quantize.ptq import quantize_captured
from quantize.recipe import load_recipe
from tests.quantize.small_networks import noise_images, tiny_network


def test_a_stored_capture_is_the_one_that_was_made(tmp_path: Path) -> None:
    network = tiny_network()
    made = capture(network.module, network.input_spec)
    made.save(tmp_path / "graph")
    read = load_captured(tmp_path / "graph")
    assert (read.dynamic_batch, read.passes) == (made.dynamic_batch, made.passes)
    x = torch.from_numpy(noise_images(3))
    # Weights come back contiguous, for which ATen may choose another kernel.
    torch.testing.assert_close(read.graph(x), made.graph(x), rtol=1e-5, atol=1e-6)
    assert plan(read.graph) == plan(made.graph)
    assert batch_size(read.graph, dynamic=True) == batch_size(made.graph, dynamic=True)


def test_both_quantize_to_the_same_program(tmp_path: Path) -> None:
    network, recipe = tiny_network(), load_recipe("ptq-fast")
    made = capture(network.module, network.input_spec)
    made.save(tmp_path / "graph")
    programs = [
        quantize_captured(captured, network, noise_images(16), recipe)
        for captured in (made, load_captured(tmp_path / "graph"))
    ]
    assert programs[0].ranges_sha256() == programs[1].ranges_sha256()


def test_a_skipped_pass_leaves_its_pattern() -> None:
    network, recipe = tiny_network(), load_recipe("ptq-fast")
    captured = capture(network.module, network.input_spec)
    images = noise_images(16)
    kept, plain = (
        quantize_captured(captured, network, images, recipe, skipped=skipped)
        for skipped in ((), ("fold_hard_sigmoid",))
    )
    sigmoid = torch.ops.aten.hardsigmoid.default
    assert sigmoid in {node.target for node in plain.graph.graph.nodes}
    assert sigmoid not in {node.target for node in kept.graph.graph.nodes}
    assert "fold_hard_sigmoid" not in plain.summary.passes
