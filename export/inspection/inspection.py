"""What an inspection of an artefact says."""

from __future__ import annotations

from dataclasses import dataclass

from export.coverage import Coverage


@dataclass(frozen=True)
class Port:
    """An input or output of the artefact, with its shape as stored."""

    name: str
    shape: tuple[int, ...]
    dtype: str


class Inspection(Coverage):
    """What is inside an artefact and where it runs.

    Attributes:
        format: one of ``export``'s formats.
        operator_dtypes: the counts of ``operators``, by operator and by the type of its output.
        stored_operators: the counts in the file, where the runtime fuses before it runs.
        macs: multiply-accumulates of convolutions and matrix products for one run.
        arena_bytes: memory that is planned for activations outside delegates; None where the
            runtime does not plan ahead.
        weight_bytes: bytes of constants by their stored type.
        inputs: the artefact's inputs.
        outputs: the artefact's outputs.
    """

    format: str
    operator_dtypes: dict[str, dict[str, int]]
    stored_operators: dict[str, int] | None
    macs: int
    arena_bytes: int | None
    weight_bytes: dict[str, int]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    @property
    def coverage(self) -> Coverage:
        """The part that a manifest holds."""
        return Coverage(**{name: getattr(self, name) for name in Coverage.model_fields})
