"""Estimated cycles: executed blocks times llvm-mca's steady-state cycles of each.

Blocks are taken one by one, with all loads hitting the first-level cache, so the estimate is the
core-bound time. Only cores whose model was compared with measurements are trusted (cores.toml).
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from runtime_bench.emulation.cores import Core
from runtime_bench.emulation.counts import Region
from zoo.errors import InputError

# 19 is the first whose -skip-unsupported-instructions knows `any`, and Debian 12's newest.
MINIMUM_LLVM = 19
ITERATIONS = 100
# Blocks are estimated from the hottest down until so much of all instructions is covered; the rest
# is scaled with them.
COVERAGE = 0.999
_MCA_FLAGS = (
    "-mtriple=aarch64",
    "-mattr=+all",
    f"-iterations={ITERATIONS}",
    "-json",
    "-skip-unsupported-instructions=any",
    "-call-latency=1",
)


@dataclass(frozen=True)
class CycleEstimate:
    """Cycles of a region, the share of its instructions that were modelled, and the model."""

    cycles: float
    coverage: float
    model: str
    llvm: str
    trusted: bool
    note: str


@dataclass(frozen=True)
class LlvmTools:
    """llvm-mc and llvm-mca of one version."""

    assembler: Path
    analyser: Path
    version: str


def find_llvm() -> LlvmTools | None:
    """The newest llvm-mc and llvm-mca of at least LLVM 19 on this machine, or None."""
    folders = [Path(f"/usr/lib/llvm-{version}/bin") for version in range(30, MINIMUM_LLVM - 1, -1)]
    plain = shutil.which("llvm-mca")
    if plain:
        folders.append(Path(plain).parent)
    for folder in folders:
        assembler, analyser = folder / "llvm-mc", folder / "llvm-mca"
        if not (assembler.exists() and analyser.exists()):
            continue
        text = subprocess.run([analyser, "--version"], capture_output=True, text=True).stdout
        match = re.search(r"LLVM version (\d+)\.(\S+)", text)
        if match and int(match[1]) >= MINIMUM_LLVM:
            return LlvmTools(assembler, analyser, f"{match[1]}.{match[2]}")
    return None


def disassemble(words: list[int], tools: LlvmTools) -> list[str]:
    """One line of assembly a word; an unallocated word becomes ``nop``.

    Raises:
        InputError: llvm-mc returned another number of lines.
    """
    text = "\n".join(
        " ".join(f"{byte:#04x}" for byte in word.to_bytes(4, "little")) for word in words
    )
    command = [str(tools.assembler), "--disassemble", "--triple=aarch64", "-mattr=+all"]
    result = subprocess.run(command, input=text, capture_output=True, text=True)
    bad = {int(line) - 1 for line in re.findall(r"<stdin>:(\d+):\d+: warning: inv", result.stderr)}
    lines = iter(
        line.strip()
        for line in result.stdout.splitlines()
        if line.strip() and not line.strip().startswith(".")
    )
    assembly = ["nop" if i in bad else next(lines, "") for i in range(len(words))]
    if "" in assembly or next(lines, None) is not None:
        raise InputError(f"{tools.assembler}: cannot disassemble the executed code; use LLVM 19")
    return assembly


def estimate_cycles(region: Region, core: Core) -> CycleEstimate | None:
    """Cycles of ``region`` on ``core``; None where the core has no llvm-mca model.

    Raises:
        InputError: LLVM 19 or newer is not installed.
    """
    if core.mca_cpu is None:
        return None
    tools = find_llvm()
    if tools is None:
        raise InputError("llvm-mca: not found in version 19 or newer; apt-get install llvm-19")
    executions: Counter[tuple[int, ...]] = Counter()
    for block in region.blocks:
        executions[block.words] += block.executions
    chosen: list[tuple[int, ...]] = []
    covered = 0
    for words in sorted(executions, key=lambda w: (-executions[w] * len(w), w)):
        if covered >= COVERAGE * region.instructions:
            break
        chosen.append(words)
        covered += executions[words] * len(words)
    per_block = _block_cycles(chosen, core.mca_cpu, tools)
    modelled = sum(executions[words] * len(words) for words in per_block)
    cycles = sum(executions[words] * cost for words, cost in per_block.items())
    coverage = modelled / region.instructions
    return CycleEstimate(
        cycles=cycles / coverage,
        coverage=coverage,
        model=core.mca_cpu,
        llvm=tools.version,
        trusted=core.mca_trusted,
        note=core.mca_note,
    )


def _block_cycles(
    blocks: list[tuple[int, ...]], mca_cpu: str, tools: LlvmTools
) -> dict[tuple[int, ...], float]:
    """Cycles for one pass of each block, in a long loop of itself."""
    assembly = iter(disassemble([word for words in blocks for word in words], tools))
    text = "".join(
        f"# LLVM-MCA-BEGIN b{index}\n"
        + "".join(next(assembly) + "\n" for _ in words)
        + f"# LLVM-MCA-END b{index}\n"
        for index, words in enumerate(blocks)
    )
    command = [str(tools.analyser), f"-mcpu={mca_cpu}", *_MCA_FLAGS]
    result = subprocess.run(command, input=text, capture_output=True, text=True)
    if not result.stdout:
        line = (result.stderr.strip().splitlines() or ["no output"])[-1]
        raise InputError(f"{tools.analyser}: failed on the executed code ({line}); use LLVM 19")
    costs = {}
    for found in json.loads(result.stdout)["CodeRegions"]:
        summary = found["SummaryView"]
        cost = summary["TotalCycles"] / summary["Iterations"]
        costs[blocks[int(found["Name"][1:])]] = cost
    return costs
