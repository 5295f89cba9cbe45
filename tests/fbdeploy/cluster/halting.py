"""Stages of a deployment whose search for operators in float is halted at every question, however
small, and whose shares of a search begin with a second in which they can be ended."""

from __future__ import annotations

import os
import time

from fbdeploy.pipeline.stages import Stages
from fbdeploy.pipeline.steps import prepare as preparing
from fbdeploy.pipeline.steps import search as searching
from fbdeploy.pipeline.steps.prepare import PrepareArguments
from fbdeploy.pipeline.steps.search import SearchArguments
from fbdeploy.pipeline.workers.jobs import Reporter
from quantize.analysis import findings

SEARCHES = "searches in "
SECONDS = 1.0


def prepare(report: Reporter, asked: PrepareArguments) -> None:
    """The step itself, which finds that everything is worth other processes."""
    findings.OVERHEAD_SECONDS = 0.0
    preparing.prepare(report, asked)


def search(report: Reporter, asked: SearchArguments) -> None:
    """The step itself, behind a note of its process."""
    report.note(f"{SEARCHES}{os.getpid()}")
    time.sleep(SECONDS)
    searching.search(report, asked)


STAGES = Stages(prepare=prepare, search=search)
