"""``fbdeploy bench --profile``: the time of each operator, as the runtime's profiler tells it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from fbdeploy.cli.output import only_result_on_stdout
from fbdeploy.report import numbers as figures
from fbdeploy.report.table import table
from runtime_bench.measurement import LOCAL
from zoo.errors import InputError

if TYPE_CHECKING:
    from runtime_bench.runtimes.profiling import Profile

OPERATORS_SHOWN = 10


def show_profiles(
    artefacts: list[Path], target: str, threads: tuple[int, ...], as_json: bool
) -> None:
    """Profile every artefact with every number of threads.

    Raises:
        InputError: the target is not this machine, or an artefact cannot be profiled.
    """
    if target != LOCAL:
        raise InputError(f"--profile: means nothing on {target}; runtimes are profiled here only")
    with only_result_on_stdout() as result:
        from runtime_bench.runtimes.profiling import profile

        profiles = [profile(path, count) for count in threads for path in artefacts]
        if as_json:
            result.json({"profiles": [asdict(one) for one in profiles]})
        else:
            result.text("\n\n".join(_profile_table(one) for one in profiles))


def _profile_table(profile: Profile) -> str:
    total = sum(one.microseconds for one in profile.operators) or 1.0
    kinds = [
        (kind, figures.significant(time), figures.percent(time / total, 1), f"{count}")
        for kind, (count, time) in profile.by_kind().items()
    ]
    costliest = sorted(profile.operators, key=lambda one: -one.microseconds)[:OPERATORS_SHOWN]
    operators = [
        (one.name, figures.significant(one.microseconds), figures.percent(one.share, 1))
        for one in costliest
    ]
    titles = ("microseconds of one run", "each", "share", "operators")
    return "\n".join(
        (
            table(titles, [*kinds, ("costliest operators",), *operators]),
            f"{profile.artefact}: {profile.runtime}, {profile.threads} thread(s), "
            f"{profile.runs} runs; a whole run takes {figures.significant(profile.milliseconds)} "
            "ms under the profiler",
        )
    )
