"""Picks what fits a network out of a file's state dicts, and loads it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from zoo.checkpoints.layouts import COUNTER, Layout
from zoo.checkpoints.tensors import dtype_name, equal, not_finite, plain, why_unusable
from zoo.checkpoints.unwrapping import State, Stored, rank_of
from zoo.errors import InputError, shown

_SHOWN = 3
_DEEPEST_PREFIX = 4


@dataclass(frozen=True)
class Selection:
    """What was taken from a file.

    ``classes`` is its number of classes where that is another than the network's; ``note`` says
    what was taken where there was more than that, "" where there was nothing else.
    """

    state: State
    layout: Layout
    classes: int | None
    note: str


@dataclass(frozen=True)
class _Fit:
    """What keeps a state from a module.

    ``classes`` is the state's number of them where that alone is what is misshapen;
    ``any_classes`` excuses it.
    """

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshapen: tuple[str, ...]
    unusable: tuple[str, ...]
    classes: int | None
    any_classes: bool

    @property
    def faults(self) -> int:
        excused = self.any_classes and self.classes is not None
        shapes = () if excused else self.misshapen
        return len(self.missing) + len(self.unexpected) + len(shapes) + len(self.unusable)

    def describe(self) -> str:
        kinds = {
            "missing": self.missing,
            "unexpected": self.unexpected,
            "misshapen": self.misshapen,
            "unusable": self.unusable,
        }
        return "; ".join(_few(kind, names) for kind, names in kinds.items() if names)


@dataclass(frozen=True)
class _Candidate:
    where: str
    prefix: str
    state: State
    layout: Layout
    left_out: int
    fit: _Fit

    @property
    def rank(self) -> int:
        """As ``rank_of``: averaged weights if one of the two says so."""
        ranks = (rank_of(self.where), rank_of(self.prefix))
        return 0 if 0 in ranks else max(ranks)

    def describe(self) -> str:
        """Where in the file it was, for people."""
        return (
            ".".join(part for part in (self.where, self.prefix.rstrip(".")) if part)
            or "the whole file"
        )


def select(
    stored: Sequence[Stored],
    module: nn.Module,
    translate: Callable[[State], tuple[State, Layout]],
    *,
    origin: str,
    network: str,
    any_classes: bool = False,
    ignore: tuple[str, ...] = (),
) -> Selection:
    """The state dict that fits ``module``, without the prefixes of what wrapped the network.

    Of several that fit, averaged weights come before raw ones, and ones without NaN before others.

    Args:
        stored: what the file holds, the likeliest first (``read_states``).
        module: the network, on any device; it is not changed.
        translate: names of another layout to the module's.
        origin: the file, named in errors.
        network: the network's name, named in errors.
        any_classes: whether the classifier may have another size than the module's.
        ignore: modules that may be missing, by name (a classifier not used).

    Raises:
        InputError: none fits (with the first three faults of each kind of the nearest), or several
            do of which none is likelier.
    """
    target = module.state_dict()
    candidates: list[_Candidate] = []
    for entry in stored:
        for prefix, part in _without_prefixes(entry.state, target):
            renamed, layout = translate(part)
            fit = _fit(renamed, target, any_classes, ignore)
            left_out = len(entry.state) - len(part)
            candidates.append(_Candidate(entry.where, prefix, renamed, layout, left_out, fit))
    fitting = [candidate for candidate in candidates if not candidate.fit.faults]
    if not fitting:
        nearest = min(candidates, key=lambda candidate: candidate.fit.faults)
        inside = nearest.describe() if len(stored) > 1 or nearest.prefix else ""
        raise _misfit(origin, network, nearest.fit, f" ({shown(inside, 30)})" if inside else "")
    whole = [candidate for candidate in fitting if not not_finite(candidate.state)] or fitting
    chosen = min(whole, key=lambda candidate: candidate.rank)
    alike = [candidate for candidate in whole if candidate.rank == chosen.rank]
    rivals = [] if chosen.rank < 2 else [c for c in alike if not equal(c.state, chosen.state)]
    if rivals:
        raise InputError(
            f"{origin}: holds several networks that fit {network} ({shown(chosen.describe())}, "
            f"{shown(rivals[0].describe())}); save the wanted one's state_dict() alone"
        )
    return Selection(chosen.state, chosen.layout, chosen.fit.classes, _note(chosen, stored))


def load_into(
    module: nn.Module, state: State, *, origin: str, network: str, ignore: tuple[str, ...] = ()
) -> None:
    """Copy ``state`` into ``module``; every tensor of one must be in the other, in one shape.

    Floats of any width become the module's.

    Args:
        module: changed in place.
        state: names and tensors.
        origin: the file, named in errors.
        network: the network's name, named in errors.
        ignore: modules that may be missing from ``state``, by name (a classifier not used).

    Raises:
        InputError: naming the first three missing, unexpected, misshapen and unusable tensors, or
            one that holds NaN.
    """
    fit = _fit(state, module.state_dict(), False, ignore)
    if fit.faults:
        raise _misfit(origin, network, fit)
    bad = not_finite(state)
    if bad:
        raise InputError(f"{origin}: {bad} holds NaN or infinity; give weights of a sound training")
    module.load_state_dict({name: plain(tensor) for name, tensor in state.items()}, strict=False)


def _without_prefixes(state: State, target: Collection[str]) -> Iterator[tuple[str, State]]:
    """The state as it is, without what all names begin with, and the parts that names speak for.

    Yields:
        The prefix that was taken off, and what had it.
    """
    prefixes = [""]
    rest = state
    for _ in range(_DEEPEST_PREFIX):
        first = {name.partition(".")[0] for name in rest}
        if len(first) != 1 or not all("." in name for name in rest):
            break
        prefixes.append(f"{prefixes[-1]}{first.pop()}.")
        rest = {name.removeprefix(prefixes[-1]): t for name, t in state.items()}
    prefixes += _prefixes_of(target, state)
    for prefix in dict.fromkeys(prefixes):
        yield (
            prefix,
            {n.removeprefix(prefix): t for n, t in state.items() if n.startswith(prefix)},
        )


def _prefixes_of(target: Collection[str], state: State) -> list[str]:
    """What stands in front of the most of ``target``'s names in ``state``."""
    counts: Counter[str] = Counter()
    for name in state:
        parts = name.split(".")
        for start in range(1, min(len(parts), _DEEPEST_PREFIX + 1)):
            if ".".join(parts[start:]) in target:
                counts[".".join(parts[:start]) + "."] += 1
    most = max(counts.values(), default=0)
    return [prefix for prefix, count in counts.items() if count == most]


def _fit(
    state: State, target: Mapping[str, Tensor], any_classes: bool, ignore: tuple[str, ...]
) -> _Fit:
    ignored = tuple(f"{part}." for part in ignore)
    wrong = {name: why_unusable(state[name], target.get(name), name) for name in state}
    shapes = {
        name: (tuple(tensor.shape), tuple(target[name].shape))
        for name, tensor in state.items()  # a nested tensor has no shape
        if name in target and not wrong[name] and tensor.shape != target[name].shape
    }
    return _Fit(
        missing=tuple(
            name
            for name in target
            if name not in state and not name.endswith(COUNTER) and not name.startswith(ignored)
        ),
        unexpected=tuple(name for name in state if name not in target),
        misshapen=tuple(f"{name} {has} for {wants}" for name, (has, wants) in shapes.items()),
        unusable=tuple(f"{name} is {why}" for name, why in wrong.items() if why),
        classes=_classes(list(shapes.values())),
        any_classes=any_classes,
    )


def _classes(shapes: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]) -> int | None:
    """The outputs of a state's classifier where only their number keeps it from the module's."""
    sizes = {(has[:1], wants[:1]) for has, wants in shapes}
    if len(sizes) != 1 or any(has[1:] != wants[1:] for has, wants in shapes):
        return None
    ((has, _),) = sizes
    return has[0] if has else None


def _note(chosen: _Candidate, stored: Sequence[Stored]) -> str:
    parts = []
    if len(stored) > 1 or chosen.left_out:
        parts.append(f"of {shown(chosen.describe())}")
    if chosen.left_out:
        parts.append(f"without {chosen.left_out} other tensors")
    narrow = {dtype_name(t) for t in chosen.state.values() if t.dtype.is_floating_point}
    narrow -= {"float32"}
    if narrow:
        parts.append(f"{' and '.join(sorted(narrow))} as float32")
    return ", ".join(parts)


def _misfit(origin: str, network: str, fit: _Fit, where: str = "") -> InputError:
    advice = "check the network's name"
    told = fit.describe()
    if fit.unusable and len(fit.unusable) >= len(fit.missing):
        told = _few("unusable", fit.unusable)
        advice = "give the weights of the float network"
    elif fit.classes and not (fit.missing or fit.unexpected):
        advice = f"its classes are {fit.classes}: give --num-classes {fit.classes} if it can be set"
    return InputError(f"{origin}{where}: does not fit {network}: {told}; {advice}")


def _few(kind: str, names: Sequence[str]) -> str:
    more = ", ..." if len(names) > _SHOWN else ""
    return f"{len(names)} {kind} ({', '.join(shown(name) for name in names[:_SHOWN])}{more})"
