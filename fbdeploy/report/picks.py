"""Which artefact to ship on Android and which on iOS: the rule, among what runs there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from export.format_info import FORMAT_INFO, App
from fbdeploy.records.manifest import Manifest
from fbdeploy.records.results import EvaluationLine, Line
from fbdeploy.records.rows import ResultRow, summarize
from fbdeploy.report import recommend
from fbdeploy.report.verdict import verdict_of
from runtime_bench.measurement import LOCAL, Measurement

TITLES: dict[App, str] = {"android": "Android", "ios": "iOS"}
_PHONES: dict[App, str] = {"android": "an Android phone", "ios": "an iPhone"}


@dataclass(frozen=True)
class Pick:
    """For one platform: ``row`` is None where nothing can be recommended there. ``sentences`` say
    what is known of it and what is not, ``command`` what to do next on a phone."""

    platform: App
    row: ResultRow | None
    sure: bool
    sentences: tuple[str, ...]
    command: str

    @property
    def title(self) -> str:
        """The platform's own spelling."""
        return TITLES[self.platform]


def picks(manifest: Manifest, lines: Sequence[Line], folder: str) -> list[Pick]:
    """One a platform that has a demo app for a format of this deployment.

    Where the platform's phones were timed, their times decide, else this machine's.

    Args:
        manifest: of the deployment.
        lines: its measurements.
        folder: what to call the output folder in commands.
    """
    found = []
    for platform in TITLES:
        formats = [name for name, info in FORMAT_INFO.items() if platform in info.apps]
        if any(entry.format in formats for entry in manifest.artefacts):
            found.append(_pick(platform, formats, manifest, lines, folder))
    return found


def _pick(
    platform: App,
    formats: list[str],
    manifest: Manifest,
    lines: Sequence[Line],
    folder: str,
) -> Pick:
    on_phones = [line for line in lines if _is_of(line, platform)]
    scores: list[Line] = [line for line in lines if isinstance(line, EvaluationLine)]
    used = [*scores, *on_phones] if on_phones else list(lines)
    rows = [row for row in summarize(manifest, used) if row.format in formats]
    advice = recommend.recommend(rows)
    row = advice.row
    said = [advice.reasons[0]]
    if row is not None and not advice.sure:
        said = list(advice.reasons[:2])
    timed = [other for other in rows if other.latency_ms is not None]
    if timed and not on_phones:
        said.append(f"By {_whose(timed[0])}: none was taken on {_PHONES[platform]}.")
    said += _untimed(rows, row)
    path = (row or rows[0]).path
    return Pick(platform, row, advice.sure, tuple(said), _command(platform, folder, path))


def _is_of(line: Line, platform: App) -> bool:
    return (
        isinstance(line, Measurement)
        and line.latency_ms is not None
        and line.device.os.lower().startswith(platform)
    )


def _whose(row: ResultRow) -> str:
    return "this machine's times" if row.target == LOCAL else f"times of {row.device}"


def _untimed(rows: list[ResultRow], chosen: ResultRow | None) -> list[str]:
    """What may be faster, but has no time."""
    names = [
        recommend.name_of(row)
        for row in rows
        if row.latency_ms is None and verdict_of(row) == "accurate" and row.precision != "fp32"
    ]
    if not names or chosen is None or chosen.latency_ms is None:
        return []
    are, have = ("is", "has") if len(names) == 1 else ("are", "have")
    return [
        f"{' and '.join(names)} {are} as accurate and {have} no time yet: measure before you "
        "decide."
    ]


def _command(platform: App, folder: str, path: str) -> str:
    if platform == "android":
        return f"fbdeploy bench {folder}/{path} --target adb://SERIAL --cool-below 35"
    return f"fbdeploy bundle {folder} --app ios_demo"
