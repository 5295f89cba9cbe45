"""The emulated ARM cores as data: ``cores.toml`` read into dataclasses."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from zoo.errors import InputError

CORES_SHOWN = 2  # processors in the emulated /proc/cpuinfo, as many as one big.LITTLE cluster needs


@dataclass(frozen=True)
class Core:
    """An ARM core: the keys of ``cores.toml``, whose header explains them."""

    name: str
    qemu_cpu: str
    implementer: int
    part: int
    variant: int
    revision: int
    features: str
    mca_note: str
    mca_cpu: str | None = None
    mca_trusted: bool = False

    def has(self, feature: str) -> bool:
        """Whether Linux lists ``feature`` (``asimddp``: SDOT, ``i8mm``: SMMLA) for the core."""
        return feature in self.features.split()

    def cpuinfo(self) -> str:
        """The text of /proc/cpuinfo on a machine of such cores."""
        return "".join(
            f"processor\t: {index}\n"
            "BogoMIPS\t: 48.00\n"
            f"Features\t: {self.features}\n"
            f"CPU implementer\t: {self.implementer:#04x}\n"
            "CPU architecture: 8\n"
            f"CPU variant\t: {self.variant:#x}\n"
            f"CPU part\t: {self.part:#05x}\n"
            f"CPU revision\t: {self.revision}\n\n"
            for index in range(CORES_SHOWN)
        )

    def midr(self) -> int:
        """The main ID register (MIDR_EL1) that belongs to the fields of cpuinfo."""
        architecture = 0xF  # "by CPUID scheme", as every ARMv8 core says
        return (
            self.implementer << 24
            | self.variant << 20
            | architecture << 16
            | self.part << 4
            | self.revision
        )


@cache
def cores() -> dict[str, Core]:
    """All cores by name."""
    text = resources.files(__package__).joinpath("cores.toml").read_text()
    return {name: Core(name=name, **keys) for name, keys in tomllib.loads(text).items()}


def find_core(name: str) -> Core:
    """The core called ``name``.

    Raises:
        InputError: there is none; the line names the nearest and all there are.
    """
    known = cores()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise InputError(f"arm://{name}: unknown core; {hint}There are: {', '.join(known)}")
