"""The rewrites that make a network's operators fit a runtime's kernels, by name.

Every one keeps what the network computes, is tested alone, is listed in the manifest with the
number of places it changed, and can be switched off with ``--skip-pass``.
"""

from __future__ import annotations

from collections.abc import Collection

from zoo.errors import InputError

#: What each pass does, by name.
GRAPH_PASSES: dict[str, str] = {
    "fold_hard_sigmoid": "hard-sigmoid behind a layer as a clamp that the layer's kernel does",
    "integer_hard_swish": "ExecuTorch int8: hard-swish as XNNPACK's table of 256 bytes",
    "float_transpose": "ExecuTorch, LiteRT int8: images change layout before they become int8",
    "hard_swish_product": "ONNX, LiteRT int8: hard-swish as an addition and a product",
    "fused_hard_swish": "Core ML int8: no rounding to int8 between a layer and its hard-swish",
    "clipped_gate": "ONNX int8: hard-swish's addition as a clip of the same integers",
    "integer_clamp": "ONNX int8: a clamp within its grid as a clip of integers",
    "global_average_pool": "ONNX int8: means over an image as pools, which have integer kernels",
}
ALL: frozenset[str] = frozenset(GRAPH_PASSES)


def skipped_passes(text: str) -> frozenset[str]:
    """The passes that a comma-separated list, or ``all``, leaves out.

    Raises:
        InputError: there is no pass of one of these names.
    """
    if text == "all":
        return ALL
    names = frozenset(part.strip() for part in text.split(",") if part.strip())
    for name in sorted(names - ALL):
        raise InputError(
            f"--skip-pass {name}: no such pass; give some of {','.join(GRAPH_PASSES)}, or all"
        )
    return names


def applies(name: str, skipped: Collection[str]) -> bool:
    """Whether pass ``name`` is to be applied."""
    if name not in GRAPH_PASSES:
        raise ValueError(f"{name} is not listed in GRAPH_PASSES")
    return name not in skipped
