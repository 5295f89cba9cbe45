"""What an export's check compares with, kept in an output folder as a deployment keeps it."""

from __future__ import annotations

from fbdeploy.pipeline.steps.checks import Checks
from fbdeploy.pipeline.work import WorkFolder
from quantize.program import Program
from runtime_bench.runtimes.module_session import run_module
from tests.quantize.small_networks import noise_images


def keep_checks(work: WorkFolder, program: Program, images: int) -> None:
    """Save ``program``, and what it answers to so many images."""
    program.save(work.program("ptq"))
    checks = Checks(work, "key", "photos")
    checks.images(lambda: noise_images(images))
    checks.outputs(
        work.program("ptq"),
        lambda: run_module(program.module(), program.interface, checks.images()),
    )
