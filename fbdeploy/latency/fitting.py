"""A latency model from two results files: networks measured on a device, and their cycles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime_bench.emulation.latency_model import LatencyModel, LatencyPoint, fit_latency
from runtime_bench.measurement import Measurement, read_measurements
from zoo.errors import InputError

THREADS = 1  # cycles of several threads overlap, so that their sum is no time


@dataclass(frozen=True)
class Fitted:
    """A latency model, and which of its networks were measured on a disturbed device."""

    model: LatencyModel
    noisy: tuple[str, ...]


def fit_from_results(
    measured: Path, emulated: Path, *, target: str | None = None, core: str | None = None
) -> Fitted:
    """Fit a device's scale on the artefacts that both files hold with one thread.

    Artefacts are matched by their SHA-256; of several lines the last counts. The median is fitted.

    Args:
        measured: a results.jsonl with lines of the kind ``measured``.
        emulated: a results.jsonl with counted lines; may be the same file.
        target: the measured target string; None if there is one only.
        core: the emulated core's name; None if there is one only.

    Raises:
        InputError: a file is missing or holds no such lines, the target or core is not the only
            one, or fewer than three artefacts are in both.
    """
    times = _of_one(_read(measured, counted=False), measured, "--target", target)
    wanted = None if core is None else _address(core)
    counts = _of_one(_read(emulated, counted=True), emulated, "--core", wanted)
    points, noisy = [], []
    for digest, one in times.items():
        other = counts.get(digest)
        if other is None:
            continue
        assert one.latency_ms is not None and other.counts is not None and other.counts.cycles
        points.append(
            LatencyPoint(
                network=one.artefact,
                cycles=other.counts.cycles,
                milliseconds=one.latency_ms.p50,
            )
        )
        if one.noise is not None and one.noise.noisy:
            noisy.append(one.artefact)
    if not points:
        raise InputError(f"{emulated}: holds none of the artefacts of {measured}; bench the same")
    device = next(iter(times.values()))
    emulation = next(iter(counts.values()))
    model = fit_latency(
        device.device.name or device.target, emulation.target.removeprefix("arm://"), points
    )
    return Fitted(model, tuple(noisy))


def _address(core: str) -> str:
    return "arm://" + core.removeprefix("arm://")


def _read(path: Path, *, counted: bool) -> list[Measurement]:
    if not path.exists():
        raise InputError(f"{path}: no such file; give a results.jsonl of fbdeploy bench --results")
    lines = [one for one in read_measurements(path) if one.threads == THREADS]
    if counted:
        found = [one for one in lines if one.counts is not None and one.counts.cycles]
        what = "cycles; bench on an arm:// core that has a cycle model"
    else:
        found = [one for one in lines if one.kind == "measured" and one.latency_ms is not None]
        what = "measured times; bench on the device"
    if not found:
        raise InputError(f"{path}: holds no {THREADS}-thread {what}")
    return found


def _of_one(
    lines: Sequence[Measurement], path: Path, option: str, wanted: str | None
) -> dict[str, Measurement]:
    """The lines of one target by the artefact's SHA-256."""
    targets = dict.fromkeys(one.target for one in lines)
    if wanted is None and len(targets) > 1:
        raise InputError(f"{path}: holds {', '.join(targets)}; say which by {option}")
    chosen = wanted or next(iter(targets))
    if chosen not in targets:
        raise InputError(f"{option} {chosen}: {path} holds {', '.join(targets)}; give one of them")
    return {one.sha256: one for one in lines if one.target == chosen}
