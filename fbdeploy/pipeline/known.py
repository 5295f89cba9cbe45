"""What a run knows of its network and programs once they are prepared."""

from __future__ import annotations

from dataclasses import dataclass

from fbdeploy.records.builds import ProgramName
from fbdeploy.records.fields import StoredInputSpec
from fbdeploy.records.manifest import (
    DatasetInfo,
    NetworkInfo,
    Quantization,
    Weights,
)
from zoo.documents import Schema


class Prepared(Schema):
    """What there is to know of the network and its images; ``network_key`` is its identity.

    ``evaluation_data`` are the images that artefacts are scored on, None where they are not;
    ``check_data`` those that they are held against their reference on.
    """

    network_key: str
    network: NetworkInfo
    weights: Weights
    input_spec: StoredInputSpec
    labels: tuple[str, ...]
    evaluation_data: DatasetInfo | None
    check_data: DatasetInfo


class Quantized(Schema):
    """An int8 program that was made or found."""

    program: ProgramName
    quantization: Quantization


@dataclass(frozen=True)
class Known:
    """The network, and the programs there are."""

    prepared: Prepared
    programs: dict[ProgramName, Quantization]
