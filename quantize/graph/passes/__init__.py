"""Small rewrites of captured graphs. Each takes a GraphModule, changes it in place and returns how
many places it changed; each keeps the network's function."""

from __future__ import annotations

from collections.abc import Callable

from torch.fx import GraphModule

from quantize.graph.passes.activations import fuse_hard_activations, unify_activations
from quantize.graph.passes.affine import batch_norm_as_layer, fold_affine, plain_sums
from quantize.graph.passes.cleanup import drop_identities, functionalize, plain_signature
from quantize.graph.passes.conditions import plain_choices
from quantize.graph.passes.constants import expand_constants, fold_constants
from quantize.graph.passes.convolutions import (
    number_paddings,
    planar_convolutions,
    planar_norms,
    planar_pools,
)
from quantize.graph.passes.gates import fold_hard_sigmoid
from quantize.graph.passes.linear import constant_products
from quantize.graph.passes.moves import (
    circular_paddings_as_joins,
    clamps_before_moves,
    drop_expansions,
    repeats_as_joins,
)
from quantize.graph.passes.norms import unify_image_norms
from quantize.graph.passes.parameters import own_parameters
from quantize.graph.passes.pooling import (
    divided_sums,
    drop_pools_of_one_pixel,
    numbered_strides,
    paddings_of_max_pools,
    unify_global_pools,
)
from quantize.graph.passes.ranks import permutations_of_fewer_dimensions
from quantize.graph.passes.resizes import plain_resizes
from quantize.graph.passes.shapes import (
    plain_joins,
    plain_permutations,
    plain_reshapes,
    plain_selections,
    split_into_slices,
)
from quantize.graph.passes.surgery import drop_unused_tensors
from quantize.graph.passes.transposed import transposed_as_shuffled
from quantize.graph.passes.windows import folds_as_sums, windows_as_slices

Pass = Callable[[GraphModule], int]

#: Makes any captured network look alike; the float artefacts are made from this graph.
CANONICALIZE: tuple[Pass, ...] = (
    plain_signature,
    functionalize,
    split_into_slices,
    plain_selections,
    drop_identities,
    plain_reshapes,
    plain_permutations,
    permutations_of_fewer_dimensions,
    plain_joins,
    repeats_as_joins,
    circular_paddings_as_joins,
    windows_as_slices,
    folds_as_sums,
    drop_expansions,
    plain_sums,
    fold_constants,
    expand_constants,
    constant_products,
    planar_convolutions,
    planar_pools,
    planar_norms,
    number_paddings,
    fuse_hard_activations,
    unify_activations,
    plain_choices,
    plain_resizes,
    unify_image_norms,
    fold_affine,
    batch_norm_as_layer,
    numbered_strides,
    paddings_of_max_pools,
    divided_sums,
    unify_global_pools,
    drop_pools_of_one_pixel,
)

#: Makes more of the canonical graph run in integer kernels; the int8 program is made from this one.
INTEGER_FORMS: tuple[Pass, ...] = (
    fold_hard_sigmoid,
    transposed_as_shuffled,
    clamps_before_moves,
    own_parameters,
)


def run(graph: GraphModule, passes: tuple[Pass, ...]) -> dict[str, int]:
    """Apply ``passes`` in order; the number of places each changed, by its name."""
    changed = {step.__name__: step(graph) for step in passes}
    graph.graph.eliminate_dead_code()
    drop_unused_tensors(graph)
    graph.delete_all_unused_submodules()
    graph.graph.lint()
    graph.recompile()
    return changed
