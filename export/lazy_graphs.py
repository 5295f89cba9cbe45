"""Graph modules whose Python code is written when somebody asks for it.

torch.fx writes and compiles the code of a graph after every pass that may have changed it, and
lowering has two hundred of them, while nearly all such code is never called: a fifth of a lowering
to ExecuTorch. torch has the same idea for its compiler (``torch.fx._lazy_graph_module``, 2.14), as
a class that the passes of exporters do not make.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch.fx import GraphModule
from torch.fx.graph import _PyTreeCodeGen

_WRITTEN = ("_code", "_lineno_map", "_prologue_start", "forward")
# Pickle and torch.package copy the module's attributes, what is written among them.
_LAZY = (*_WRITTEN, "__reduce__", "__reduce_package__")
_write: Any = GraphModule.recompile


class _Unwritten:
    """An attribute of one module that is there once its code is written, which asking for it does.

    It stands on the class, which is the module's own: torch.fx makes one for each.
    """

    def __init__(self, module: GraphModule, name: str) -> None:
        self._module = weakref.ref(module)
        self._name = name

    def __get__(self, instance: object, owner: type) -> Any:
        module = self._module()
        if module is None:
            raise AttributeError(self._name)
        _write_now(module)
        return getattr(owner if instance is None else instance, self._name)


class _Code:
    """What ``recompile`` answers: the ``PythonCode`` of a module, once one looks into it."""

    def __init__(self, module: GraphModule) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(_write_now(self._module), name)


def _write_now(module: GraphModule) -> Any:
    cls = type(module)
    for name in _LAZY:
        if isinstance(vars(cls).get(name), _Unwritten):
            delattr(cls, name)
    return _write(module)


def _forget(module: GraphModule) -> _Code:
    """In place of ``GraphModule.recompile``: the code there is, is out of date."""
    for name in _LAZY:
        module.__dict__.pop(name, None)
        setattr(type(module), name, _Unwritten(module, name))
    codegen: Any = module.graph._codegen
    if isinstance(codegen, _PyTreeCodeGen):
        module._in_spec = codegen.pytree_info.in_spec
        module._out_spec = codegen.pytree_info.out_spec
    for child in module.children():
        if isinstance(child, GraphModule):
            child.recompile()
    return _Code(module)


@contextmanager
def lazy_code() -> Iterator[None]:
    """Let graph modules write their code when it is read, or called for the first time.

    It is the code of the graph as it is then. Modules of within stay lazy behind it.
    """
    graph_module: Any = GraphModule
    outside = graph_module.recompile
    graph_module.recompile = _forget
    try:
        yield
    finally:
        graph_module.recompile = outside
