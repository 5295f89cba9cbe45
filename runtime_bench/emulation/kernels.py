"""Which kernel family a runtime chose, told from the products its instructions made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runtime_bench.emulation.instructions import macs_per_instruction

# What a reader calls the kernels that use a class of products.
FAMILIES = {
    "sdot": "int8 dot product (SDOT)",
    "udot": "uint8 dot product (UDOT)",
    "usdot": "mixed-sign dot product (USDOT)",
    "smmla": "int8 matrix multiply (SMMLA)",
    "ummla": "uint8 matrix multiply (UMMLA)",
    "usmmla": "mixed-sign matrix multiply (USMMLA)",
    "bf16_product": "bfloat16",
    "fmla": "float32 (FMLA)",
    "fmla_f16": "float16 (FMLA)",
    "mlal_8": "widening 8-bit multiply-add (MLAL)",
    "mlal_16": "widening 16-bit multiply-add (MLAL)",
}


@dataclass(frozen=True)
class KernelFamily:
    """The class that made most products, its reader's name and all classes' shares (0..1)."""

    name: str
    instruction_class: str
    shares: dict[str, float]


def kernel_family(classes: Mapping[str, int]) -> KernelFamily | None:
    """The family of a run with these executed instructions by class; None without products.

    Shares are of multiply-accumulates, with every instruction taken as its 128-bit form.
    """
    products = {
        name: classes[name] * macs
        for name, macs in macs_per_instruction().items()
        if classes.get(name)
    }
    if not products:
        return None
    total = sum(products.values())
    order = sorted(products, key=lambda name: -products[name])
    shares = {name: products[name] / total for name in order}
    return KernelFamily(FAMILIES[order[0]], order[0], shares)
