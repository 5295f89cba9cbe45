"""Numbers as people read them, with a true minus sign and a dash for what is not known."""

from __future__ import annotations

from tasks.metric import Metric

UNKNOWN = "–"


def percent(share: float | None, digits: int = 2) -> str:
    """A share in 0..1 as ``93.42 %``; a share that is not whole never reads ``100 %``."""
    if share is None:
        return UNKNOWN
    text = f"{100 * share:.{digits}f}"
    if share < 1 and float(text) == 100:
        text = f"> {100 - 10**-digits:.{digits}f}" if digits else "> 99"
    return f"{text}\N{NO-BREAK SPACE}%"


def of_metric(value: float | None, metric: Metric) -> str:
    """A metric's value in its own unit: ``93.42 %``, or ``41.20`` in points."""
    if value is None or metric.unit == "percent":
        return percent(value)
    return f"{100 * value:.2f}"


def points(difference: float | None) -> str:
    """A difference of two shares in percentage points, signed: ``−0.12``."""
    if difference is None:
        return UNKNOWN
    return signed(100 * difference)


def signed(value: float) -> str:
    """Two decimals with a sign; what rounds to zero has none."""
    text = f"{abs(value):.2f}"
    if float(text) == 0:
        return text
    return ("−" if value < 0 else "+") + text


def significant(value: float | None, digits: int = 3) -> str:
    """``value`` to so many significant digits, without an exponent from 0.0001 up."""
    if value is None:
        return UNKNOWN
    if value == 0:
        return "0"
    if abs(value) < 1e-4:
        return f"{value:.{digits - 1}e}".replace("-", "−")
    whole = len(str(int(abs(value)))) if abs(value) >= 1 else 0
    if whole:
        return f"{value:.{max(0, digits - whole)}f}"
    return f"{value:.{digits}g}"


def decibels(value: float | None) -> str:
    """A ratio in dB with one decimal."""
    return UNKNOWN if value is None else f"{value:.1f}"


def size(count: int | None) -> str:
    """Bytes as GB (10^9), MB (10^6) or kB (10^3)."""
    if count is None:
        return UNKNOWN
    if count == 0:
        return "0"
    if count >= 1_000_000_000:
        return f"{significant(count / 1e9)}\N{NO-BREAK SPACE}GB"
    if count >= 1_000_000:
        return f"{significant(count / 1e6)}\N{NO-BREAK SPACE}MB"
    return f"{significant(count / 1e3)}\N{NO-BREAK SPACE}kB"


def count(number: int | None) -> str:
    """A large count as ``4.12 M``, a small one as it is."""
    if number is None:
        return UNKNOWN
    if number >= 1_000_000:
        return f"{significant(number / 1e6)}\N{NO-BREAK SPACE}M"
    return f"{number:,}"


def duration(seconds: float | None) -> str:
    """Seconds, or minutes and seconds."""
    if seconds is None:
        return UNKNOWN
    if seconds < 60:
        return f"{significant(seconds, 2)}\N{NO-BREAK SPACE}s"
    return f"{int(seconds // 60)}\N{NO-BREAK SPACE}min {int(seconds % 60)}\N{NO-BREAK SPACE}s"
