"""Classes against an independent assembler (LLVM's)."""

from __future__ import annotations

import re
import subprocess

import pytest

from runtime_bench.emulation.counts import Block
from runtime_bench.emulation.cycles import disassemble, find_llvm
from runtime_bench.emulation.instructions import (
    class_names,
    classify,
    count_classes,
    macs_per_instruction,
)
from tests.runtime_bench.device_fixtures import need_llvm

ASSEMBLY = {
    "sdot": ["sdot v0.4s, v1.16b, v2.16b", "sdot v0.2s, v1.8b, v2.4b[3]"],
    "udot": ["udot v9.4s, v1.16b, v2.16b", "udot v0.4s, v1.16b, v31.4b[1]"],
    "usdot": [
        "usdot v0.4s, v1.16b, v2.16b",
        "usdot v0.4s, v1.16b, v2.4b[2]",
        "sudot v0.4s, v1.16b, v2.4b[2]",
    ],
    "smmla": ["smmla v0.4s, v1.16b, v2.16b"],
    "ummla": ["ummla v0.4s, v1.16b, v2.16b"],
    "usmmla": ["usmmla v0.4s, v1.16b, v2.16b"],
    "bf16_product": [
        "bfdot v0.4s, v1.8h, v2.8h",
        "bfdot v0.4s, v1.8h, v2.2h[1]",
        "bfmmla v0.4s, v1.8h, v2.8h",
        "bfmlalb v0.4s, v1.8h, v2.8h",
        "bfmlalt v0.4s, v1.8h, v2.h[3]",
    ],
    "fmla": [
        "fmla v0.4s, v1.4s, v2.4s",
        "fmls v0.2s, v1.2s, v2.2s",
        "fmla v0.2d, v1.2d, v2.2d",
        "fmla v0.4s, v1.4s, v2.s[3]",
        "fmls v0.4s, v1.4s, v2.s[0]",
        "fmla v0.2d, v1.2d, v2.d[1]",
    ],
    "fmla_f16": [
        "fmla v0.8h, v1.8h, v2.8h",
        "fmls v0.4h, v1.4h, v2.4h",
        "fmla v0.8h, v1.8h, v2.h[5]",
        "fmlal v0.4s, v1.4h, v2.4h",
        "fmlsl v0.4s, v1.4h, v2.4h",
        "fmlal2 v0.4s, v1.4h, v2.4h",
    ],
    "mlal_8": [
        "smlal v0.8h, v1.8b, v2.8b",
        "umlal2 v0.8h, v1.16b, v2.16b",
        "smlsl v0.8h, v1.8b, v2.8b",
        "smull v0.8h, v1.8b, v2.8b",
        "umull2 v0.8h, v1.16b, v2.16b",
    ],
    "mlal_16": [
        "smlal v0.4s, v1.4h, v2.4h",
        "smlal2 v0.4s, v1.8h, v2.h[7]",
        "umull v0.4s, v1.4h, v2.4h",
        "smull2 v0.4s, v1.8h, v2.h[0]",
        "smlsl v0.2d, v1.2s, v2.2s",
        "sqdmlal v0.4s, v1.4h, v2.4h",
        "sqdmull v0.4s, v1.4h, v2.h[1]",
        "umlsl v0.4s, v1.4h, v2.h[2]",
    ],
    "vector_multiply": [
        "mla v0.8h, v1.8h, v2.8h",
        "mls v0.4s, v1.4s, v2.4s",
        "mul v0.4s, v1.4s, v2.4s",
        "mul v0.8h, v1.8h, v2.h[1]",
        "mla v0.4s, v1.4s, v2.s[1]",
        "mls v0.8h, v1.8h, v2.h[6]",
        "sqdmulh v0.4s, v1.4s, v2.4s",
        "sqrdmulh v0.8h, v1.8h, v2.8h",
        "sqdmulh v0.4s, v1.4s, v2.s[1]",
        "sqrdmulh v0.8h, v1.8h, v2.h[1]",
        "sqrdmlah v0.8h, v1.8h, v2.8h",
        "sqrdmlsh v0.8h, v1.8h, v2.h[3]",
    ],
    "vector_fp": [
        "fmul v0.4s, v1.4s, v2.4s",
        "fmul v0.4s, v1.4s, v2.s[1]",
        "fadd v0.4s, v1.4s, v2.4s",
        "fmax v0.4s, v1.4s, v2.4s",
        "fminnm v0.2d, v1.2d, v2.2d",
        "fadd v0.8h, v1.8h, v2.8h",
        "fmul v0.8h, v1.8h, v2.h[1]",
        "fdiv v0.4s, v1.4s, v2.4s",
        "fcvtns v0.4s, v1.4s",
        "scvtf v0.4s, v1.4s",
        "fabs v0.4s, v1.4s",
        "fneg v0.4s, v1.4s",
        "fsqrt v0.4s, v1.4s",
        "fcvtl v0.4s, v1.4h",
        "fcvtn v0.4h, v1.4s",
        "frintn v0.4s, v1.4s",
        "frintn v0.8h, v1.8h",
        "fcmgt v0.4s, v1.4s, #0.0",
    ],
    "vector_other": [
        "add v0.4s, v1.4s, v2.4s",
        "smax v0.16b, v1.16b, v2.16b",
        "sqxtn v0.4h, v1.4s",
        "xtn v0.8b, v1.8h",
        "sxtl v0.8h, v1.8b",
        "srshl v0.4s, v1.4s, v2.4s",
        "sadalp v0.4s, v1.8h",
        "saddw v0.8h, v1.8h, v2.8b",
        "saddl v0.8h, v1.8b, v2.8b",
        "addp v0.4s, v1.4s, v2.4s",
        "dup v0.4s, v1.s[0]",
        "dup v0.16b, w1",
        "mov v0.16b, v1.16b",
        "movi v0.4s, #0",
        "fmov v0.4s, #1.0",
        "zip1 v0.16b, v1.16b, v2.16b",
        "tbl v0.16b, {v1.16b}, v2.16b",
        "ext v0.16b, v1.16b, v2.16b, #4",
        "abs v0.4s, v1.4s",
        "neg v0.8h, v1.8h",
        "cnt v0.8b, v1.8b",
        "shl v0.4s, v1.4s, #3",
        "sshr v0.4s, v1.4s, #3",
        "sqshrn v0.8b, v1.8h, #3",
        "addv s0, v1.4s",
        "bsl v0.16b, v1.16b, v2.16b",
    ],
    "scalar_fp": [
        "fmadd s0, s1, s2, s3",
        "fadd d0, d1, d2",
        "fmov s0, w1",
        "fcvtzs w0, s1",
        "fcmp s0, s1",
        "fcsel s0, s1, s2, eq",
        "scvtf s0, x1",
    ],
    "crypto": ["aese v0.16b, v1.16b", "sha256h q0, q1, v2.4s", "sha1h s0, s1"],
    "vector_load": [
        "ldr q0, [x1]",
        "ldr s0, [x1, #4]",
        "ldr d0, [x1], #8",
        "ldr q0, [x1, x2]",
        "ldur q0, [x1, #-16]",
        "ldp q0, q1, [x2], #32",
        "ldp d0, d1, [x2]",
        "ldnp q0, q1, [x2]",
        "ld1 {v0.16b}, [x1], #16",
        "ld1 {v0.4s-v3.4s}, [x1]",
        "ld1r {v0.4s}, [x1]",
        "ld1 {v0.s}[1], [x1]",
        "ld4 {v0.8b-v3.8b}, [x1]",
        "ldr q0, #16",
    ],
    "vector_store": [
        "str q0, [x1, #16]",
        "str s0, [x1], #4",
        "stp q0, q1, [x2]",
        "stur d0, [x1, #-8]",
        "st1 {v0.16b}, [x1], #16",
        "st1 {v0.b}[3], [x1]",
        "st2 {v0.16b, v1.16b}, [x1]",
        "str q0, [x1, x2, lsl #4]",
    ],
    "load": [
        "ldr x0, [x1]",
        "ldr w0, [x1, x2, lsl #2]",
        "ldrb w0, [x1], #1",
        "ldrsw x0, [x1, #4]",
        "ldrsh w0, [x1]",
        "ldp x0, x1, [sp], #16",
        "ldpsw x0, x1, [x2]",
        "ldur x0, [x1, #-8]",
        "ldxr x0, [x1]",
        "ldar w0, [x1]",
        "ldr x0, #16",
        "ldapur w0, [x1, #4]",
    ],
    "store": [
        "str x0, [x1]",
        "strb w0, [x1, #1]",
        "strh w0, [x1], #2",
        "stp x29, x30, [sp, #-16]!",
        "stur w0, [x1, #-4]",
        "stxr w0, x1, [x2]",
        "stlr w0, [x1]",
        "stlur x0, [x1, #8]",
    ],
    "atomic": ["ldadd x0, x1, [x2]", "swpal w0, w1, [x2]", "cas x0, x1, [x2]", "ldapr x0, [x1]"],
    "prefetch": ["prfm pldl1keep, [x1]", "prfum pldl1keep, [x1, #-8]", "prfm pldl1keep, [x1, x2]"],
    "branch": [
        "b #8",
        "bl #8",
        "b.eq #8",
        "cbz x0, #8",
        "tbnz w0, #3, #8",
        "ret",
        "br x1",
        "blr x2",
    ],
    "system": ["nop", "mrs x0, tpidr_el0", "dmb ish", "svc #0", "paciasp", "isb"],
    "alu": [
        "add x0, x1, #4",
        "sub w0, w1, w2",
        "and x0, x1, #0xff",
        "mov x0, #1",
        "movk x0, #1, lsl #16",
        "lsl x0, x1, #3",
        "ubfx w0, w1, #3, #4",
        "cmp x0, x1",
        "csel x0, x1, x2, eq",
        "adrp x0, #4096",
        "lslv x0, x1, x2",
        "clz x0, x1",
        "extr x0, x1, x2, #3",
        "ccmp x0, x1, #0, eq",
    ],
    "multiply_divide": [
        "mul x0, x1, x2",
        "madd w0, w1, w2, w3",
        "smull x0, w1, w2",
        "umulh x0, x1, x2",
        "udiv x0, x1, x2",
        "sdiv w0, w1, w2",
    ],
    "sve": ["ptrue p0.b", "fmla z0.s, p0/m, z1.s, z2.s", "ld1w {z0.s}, p0/z, [x0]"],
    "sme": ["fmopa za0.s, p0/m, p1/m, z0.s, z1.s"],
}


def assemble(lines: list[str]) -> list[int]:
    tools = find_llvm()
    assert tools is not None
    command = [str(tools.assembler), "--assemble", "--show-encoding", "--triple=aarch64"]
    text = subprocess.run(
        [*command, "-mattr=+all"], input="\n".join(lines), capture_output=True, text=True
    )
    assert text.returncode == 0, text.stderr
    words = []
    for encoding in re.findall(r"encoding: \[(.*?)\]", text.stdout):
        digits = [part if part.startswith("0x") else "0x0" for part in encoding.split(",")]
        words.append(int.from_bytes(bytes(int(digit, 16) for digit in digits), "little"))
    assert len(words) == len(lines)
    return words


@pytest.mark.parametrize("name", ASSEMBLY)
def test_classes(name: str) -> None:
    need_llvm()
    lines = ASSEMBLY[name]
    wrong = {
        line: classify(word)
        for line, word in zip(lines, assemble(lines), strict=True)
        if classify(word) != name
    }
    assert not wrong


def test_every_class_is_tested() -> None:
    assert set(class_names()) == set(ASSEMBLY)
    assert set(macs_per_instruction()) <= set(class_names())


def test_unallocated_words_are_unknown() -> None:
    assert classify(0x00000000) == "unknown"  # UDF #0


def test_executions_are_counted() -> None:
    words = (0x4E829420, 0x4E829420, 0xD65F03C0)  # sdot, sdot, ret (Arm ARM, C7.2 and C6.2)
    blocks = [Block(0, 10, words), Block(64, 1, words[2:])]
    assert count_classes(blocks) == {"sdot": 20, "branch": 11}


def test_disassembly_gives_the_source_back() -> None:
    need_llvm()
    tools = find_llvm()
    assert tools is not None
    lines = ["sdot v0.4s, v1.16b, v2.16b", "add x0, x1, x2"]
    words = [*assemble(lines), 0x00000001 | 0x3 << 25]
    text = [re.sub(r"\s+", " ", line) for line in disassemble(words[:2], tools)]
    assert text == lines
    assert disassemble([words[2], words[1]], tools)[0] == "nop"
