"""The thresholds of the regression check, as data: ``rules.toml``, a user's TOML, options."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from zoo.documents import Schema, first_error, read_toml
from zoo.errors import InputError

Measure = Literal[
    "artefact",
    "accuracy",
    "agreement",
    "classes",
    "size",
    "int8_share",
    "delegated_share",
    "partitions",
    "latency",
    "instructions",
]
TestedMeasure = Literal["accuracy", "agreement", "classes", "latency"]
"""Those whose changes may be chance."""

MOST = 10**6
"""Percent, points or partitions beyond this hold nothing back."""

NotNegative = Annotated[float, Field(ge=0, le=MOST)]
Positive = Annotated[float, Field(gt=0, le=MOST)]


class Weights(Schema):
    """How the chance of a false alarm is shared out; only the ratios count."""

    accuracy: Positive
    agreement: Positive
    classes: Positive
    latency: Positive

    def of(self, measure: TestedMeasure) -> float:
        """The weight of all tests of ``measure`` together."""
        return {
            "accuracy": self.accuracy,
            "agreement": self.agreement,
            "classes": self.classes,
            "latency": self.latency,
        }[measure]


class Rules(Schema):
    """All thresholds; ``rules.toml`` holds their defaults and says what each is.

    Points are hundredths of a share; ``false_alarm`` is a probability; the rest of the numbers
    are percent, ``max_more_partitions`` a count.
    """

    false_alarm: Annotated[float, Field(gt=0, lt=1)]
    max_drop: NotNegative
    max_agreement_drop: NotNegative
    max_class_drop: NotNegative
    max_slowdown: Positive
    max_growth: NotNegative
    max_coverage_drop: NotNegative
    max_more_partitions: Annotated[int, Field(ge=0, le=MOST)]
    max_instruction_growth: NotNegative
    session_spread: NotNegative
    required: tuple[Measure, ...]
    weights: Weights


def load_rules(path: Path | None = None, **options: object) -> Rules:
    """The default rules, changed by a TOML file and then by ``options`` that are not None.

    Raises:
        InputError: the file cannot be read, or sets what is no rule or no possible value.
    """
    values = _defaults()
    if path is not None:
        given = read_toml(path, "correct it; docs/ci.md shows one")
        values |= given | {"weights": values["weights"] | _table(given, "weights", path)}
    chosen = {name: value for name, value in options.items() if value is not None}
    values |= chosen
    try:
        return Rules.model_validate(values)
    except ValidationError as error:
        told = first_error(error)
        where = told.partition(":")[0]
        origin = path if path is not None and where.partition(".")[0] not in chosen else "rules"
        lists = {"extra_forbidden": f"the rules are {', '.join(Rules.model_fields)}"}
        advice = lists.get(error.errors()[0]["type"], "docs/ci.md explains the rules")
        raise InputError(f"{origin}: {told}; {advice}") from error


@cache
def _default_text() -> str:
    return (resources.files("fbdeploy.check") / "rules.toml").read_text(encoding="utf-8")


def _defaults() -> dict[str, Any]:
    return tomllib.loads(_default_text())


def _table(values: dict[str, Any], name: str, path: Path) -> dict[str, Any]:
    table = values.get(name, {})
    if not isinstance(table, dict):
        raise InputError(f"{path}: {name} must be a table; write [{name}] and its values below")
    return table
