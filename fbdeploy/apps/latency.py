"""Latency inside the Android app: from artefacts of a deployment to measurements of its phone.

The app times what its demo bundle holds, as a foreground app may run it, one artefact after the
other. The results go where ``fbdeploy import-results`` puts them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fbdeploy.apps.bench import AppBenchRequest, bench_app
from fbdeploy.apps.bundle_reading import bundled_model
from fbdeploy.apps.installing import ANDROID_FORMATS
from fbdeploy.apps.results import AppResults, add_results
from runtime_bench.measurement import Measurement
from runtime_bench.targets.address import AdbAddress, parse_target
from runtime_bench.timing.interleave import PartDone
from runtime_bench.timing.modes import Mode
from zoo.errors import InputError

BenchApp = Callable[[str, AppBenchRequest], AppResults]


@dataclass(frozen=True)
class AppLatencyRequest:
    """What to time in the app, on which phone; the options of ``fbdeploy bench --app``.

    ``mode`` gives the fewest runs and seconds of a measurement and the seconds of its warm-up; the
    app does not wait for a narrow interval. ``results`` is a results.jsonl to append to, that of
    each artefact's output folder if None.
    """

    artefacts: tuple[Path, ...]
    target: str
    threads: tuple[int, ...]
    mode: Mode
    results: Path | None = None


@dataclass(frozen=True)
class _Subject:
    artefact: Path
    folder: Path
    model: str


def measure_in_app(
    request: AppLatencyRequest,
    progress: PartDone = lambda done: None,
    bench: BenchApp = bench_app,
) -> Iterator[Measurement]:
    """One measurement a thread count and artefact, in the order given.

    Everything that can be checked here is checked before the phone is asked. A measurement's
    ``artefact`` is the path given; in the file it is relative to the output folder.

    Args:
        request: what to do.
        progress: called with the part done, in 0..1.
        bench: starts the app on a phone and returns what it measured; replaceable for tests.

    Raises:
        InputError: the target is no Android phone, an artefact is none of a deployment's demo
            bundle or none the app runs, the app on the phone holds another bundle, or what
            ``app_bench.bench_app`` raises.
    """
    address = parse_target(request.target)
    if not isinstance(address, AdbAddress):
        raise InputError(
            f"--app: times inside the Android app, not on {request.target}; "
            "give --target adb://SERIAL"
        )
    subjects = [_subject(path) for path in request.artefacts]
    jobs = [(count, subject) for count in request.threads for subject in subjects]
    for index, (threads, subject) in enumerate(jobs):
        asked = AppBenchRequest(
            model=subject.model,
            iterations=request.mode.minimum_runs,
            seconds=request.mode.minimum_seconds,
            warmup_seconds=request.mode.warmup_seconds,
            threads=threads,
        )
        found = bench(address.serial, asked)
        for measurement in add_results(found, subject.folder, request.target, request.results):
            yield measurement.model_copy(update={"artefact": str(subject.artefact)})
        progress((index + 1) / len(jobs))


def _subject(artefact: Path) -> _Subject:
    """Where the app has the artefact.

    Raises:
        InputError: it has it not.
    """
    folder = artefact.resolve().parent.parent
    model = bundled_model(folder, artefact)
    if model.format not in ANDROID_FORMATS:
        raise InputError(
            f"{artefact}: the Android app runs {', '.join(ANDROID_FORMATS)}; leave it out"
        )
    return _Subject(artefact, folder, model.id)
