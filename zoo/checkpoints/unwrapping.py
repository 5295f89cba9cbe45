"""Finds the state dicts in what a training script saved, and says which to try first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

State = dict[str, Tensor]

MOST_NODES = 10_000
_DEEPEST = 64
_AVERAGED = re.compile(r"(^|[._])(ema|swa|averaged?)([._]|$|model)", re.IGNORECASE)
_NETWORK = frozenset(
    {"_orig_mod", "backbone", "model", "model_state", "model_state_dict", "model_weights", "module"}
    | {"net", "net_state_dict", "network", "network_state_dict", "params", "state_dict", "weights"}
)
_EXTRA_STATE = "_extra_state"


@dataclass(frozen=True)
class Stored:
    """One state dict of a file, and the keys that lead to it, joined by dots ("": the file's)."""

    where: str
    state: State


def find_states(content: object) -> tuple[Stored, ...]:
    """Every mapping of names to tensors in nested mappings, the likeliest first.

    Averaged weights come first: they are the ones training scripts evaluate and publish. Then
    come those under the usual names of a network, the rest, and last the parts of networks that
    lie beside each other, joined.
    """
    found: list[Stored] = []
    parts: list[Stored] = []
    for where, node in _walk(content):
        state = _state_of(node)
        if state:
            found.append(Stored(where, state))
            continue
        children = {str(key): _state_of(value) for key, value in node.items()}
        joined = {f"{key}.{name}": t for key, part in children.items() for name, t in part.items()}
        if sum(map(bool, children.values())) > 1:
            parts.append(Stored(where, joined))
    ranked = sorted(found, key=lambda stored: rank_of(stored.where))  # stable
    return (*ranked, *parts)


def rank_of(keys: str) -> int:
    """How likely the weights under these dotted keys or prefixes are meant; 0 is likeliest.

    0: averaged weights. 1: under the usual names of a network, or under none. 2: anything else.
    """
    if _AVERAGED.search(keys):
        return 0
    return 1 if set(filter(None, keys.split("."))) <= _NETWORK else 2


def _walk(content: object) -> Iterator[tuple[str, Mapping[object, object]]]:
    """Mappings in mappings, outer ones first, each once: a checkpoint may hold itself.

    Lists and tuples are mappings of their places, as of ``torch.save((epoch, state_dict), path)``.
    """
    pending: list[tuple[tuple[str, ...], object]] = [((), content)]
    seen: set[int] = set()
    for number in range(MOST_NODES):
        if number == len(pending):
            return
        keys, held = pending[number]
        node = dict(enumerate(held)) if isinstance(held, list | tuple) else held
        if not isinstance(node, Mapping) or id(held) in seen:
            continue
        seen.add(id(held))
        yield ".".join(keys), node
        if len(keys) < _DEEPEST:
            pending += [
                ((*keys, str(key)), value)
                for key, value in node.items()
                if isinstance(key, str | int) and isinstance(value, Mapping | list | tuple)
            ]


def _state_of(node: object) -> State:
    """The tensors of a state dict; none where the mapping holds anything else."""
    if not isinstance(node, Mapping):
        return {}
    state: State = {}
    for name, value in node.items():
        if isinstance(name, str) and name.endswith(_EXTRA_STATE) and not isinstance(value, Tensor):
            continue
        if not isinstance(name, str) or not isinstance(value, Tensor):
            return {}
        state[name] = value.detach()
    return state
