"""``fbdeploy.bench``."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from fbdeploy.api.errors import in_python
from fbdeploy.api.inputs import Size, input_options
from fbdeploy.latency.measure import LatencyRequest
from fbdeploy.latency.photo import preprocessing
from fbdeploy.latency.sound import measure_sound
from fbdeploy.records.described import described, named
from runtime_bench.measurement import LOCAL, Measurement
from runtime_bench.targets.address import parse_target
from runtime_bench.timing.modes import mode_of
from runtime_bench.timing.session import Subject
from zoo.errors import InputError

Place = str | os.PathLike[str]


@in_python
def bench(
    artefacts: Place | Iterable[Place],
    *,
    target: str = LOCAL,
    threads: int | Sequence[int] = 1,
    mode: str = "standard",
    results: Place | None = None,
    resume: bool = False,
    cores: Sequence[int] | None = None,
    cool_below: float | None = None,
    latency_model: Place | None = None,
    runners: Place | None = None,
    cold: bool = False,
    photo: Place | None = None,
    input_size: Size | None = None,
    progress: Callable[[float], None] | None = None,
) -> list[Measurement]:
    """The latency of artefacts, run in turn with explicit threads.

    An artefact that cannot be loaded does not end the others: it is warned of.

    Args:
        artefacts: one or several files, or a folder that ``deploy`` wrote.
        target: ``local``, ``ssh://user@host[:port]``, ``adb://SERIAL``, or ``arm://CORE``, which is
            emulated.
        threads: of every runtime; several numbers are timed one after the other.
        mode: ``quick``, ``standard`` or ``mlperf``.
        results: a ``results.jsonl`` to append to.
        resume: leave out what ``results`` already holds.
        cores: of the device, to bind to.
        cool_below: degrees Celsius to wait for.
        latency_model: a file of ``fbdeploy fit-latency``, for emulated cores.
        runners: the bundle of ``fbdeploy runner build``, if not the cached one.
        cold: load each alone in its process too, which gives its peak memory.
        photo: an image whose pre-processing is timed too.
        input_size: pixels, one number or (height, width), for artefacts that take any size.
        progress: is told the part done, in 0..1.

    Returns:
        A measurement a thread count and artefact, in the order given, with its raw samples.

    Raises:
        InputError: no artefact can be timed, or an option means nothing on the target.
    """
    given = [artefacts] if isinstance(artefacts, (str, os.PathLike)) else artefacts
    request = latency_request(
        [Path(path) for path in given],
        target=target,
        threads=(threads,) if isinstance(threads, int) else tuple(threads),
        mode=mode,
        results=_path(results),
        resume=resume,
        cores=None if cores is None else tuple(cores),
        cool_below=cool_below,
        latency_model=_path(latency_model),
        runners=_path(runners),
        cold=cold,
        photo=_path(photo),
        input_size=input_options(input_size).size,
    )
    measured, unusable = measure_sound(request, progress or (lambda done: None))
    for bad in unusable:
        warnings.warn(bad.message, stacklevel=3)
    return measured


def latency_request(
    artefacts: Iterable[Path],
    *,
    target: str,
    threads: tuple[int, ...],
    mode: str,
    results: Path | None,
    resume: bool,
    cores: tuple[int, ...] | None,
    cool_below: float | None,
    latency_model: Path | None,
    runners: Path | None,
    cold: bool,
    photo: Path | None,
    input_size: tuple[int, int] | None,
    app: bool = False,
) -> LatencyRequest:
    """What to time, with what the manifests beside the artefacts' folders say of them.

    Raises:
        InputError: an artefact is not there, or an option is none that is known.
    """
    try:
        parse_target(target)
    except InputError as error:
        raise InputError(f"--target {error}") from error
    subjects, manifests = [], []
    for path in named(artefacts, timed=True):
        manifest, entry = described(path)
        manifests.append(manifest)
        if entry is None:
            subjects.append(Subject(path, input_size=input_size))
        else:  # what a manifest describes has one size
            subjects.append(Subject(path, entry.precision, entry.variant))
    if not subjects:
        raise InputError("bench: no artefact; give one or more files, or an output folder")
    return LatencyRequest(
        subjects=tuple(subjects),
        target=target,
        threads=threads,
        mode=mode_of(mode),
        results=results,
        resume=resume,
        cores=cores,
        cool_below=cool_below,
        latency_model=latency_model,
        runners=runners,
        app=app,
        cold=cold,
        prepare=None if photo is None else preprocessing(photo, manifests),
    )


def _path(given: Place | None) -> Path | None:
    return None if given is None else Path(given)
