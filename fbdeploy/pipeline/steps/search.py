"""Search: what a halted quantization waits for, found out by several jobs.

``prepare`` ends where it would take longer alone, and begins again where it was when all of them
have ended.
"""

from __future__ import annotations

from fbdeploy.pipeline.keys import key_of
from fbdeploy.pipeline.running import Start, StepArguments, StepJob
from fbdeploy.pipeline.space import MEGABYTE
from fbdeploy.pipeline.workers.jobs import Job, Reporter, Work
from quantize.analysis.findings import Question
from zoo.documents import Schema

MEMORY = 1500 * MEGABYTE
"""Expected peak of resident memory."""


class Halted(Schema):
    """The quantization that makes the program with that key waits for the answer."""

    program_key: str
    question: Question


class SearchArguments(StepArguments):
    """A part of what is asked; its figures are kept by the ``name``."""

    program_key: str
    question: Question
    name: str


class Kept(Schema):
    """Figures of that name are kept."""

    key: str


def search_jobs(
    start: Start, halted: Halted, work: Work[SearchArguments], processes: int
) -> list[StepJob]:
    """Exclusive ones, which have as many threads as the quantization itself."""
    shares = halted.question.shares(processes)
    return [
        StepJob(
            Job.calling(
                work,
                SearchArguments(
                    request=start.request,
                    program_key=halted.program_key,
                    question=share,
                    name=key_of(question=share.model_dump(mode="json")),
                ),
                name=f"search-{number}",
                title=f"operators in float, share {number} of {len(shares)}",
                memory=MEMORY,
                exclusive=True,
                vital=True,
            ),
            {Kept: lambda kept: None},
        )
        for number, share in enumerate(shares, 1)
    ]


def search(report: Reporter, asked: SearchArguments) -> None:
    """Find it out; hands over that it is ``Kept``."""
    from quantize.corrections.halfway import Halfway

    halfway = Halfway(asked.work.search(asked.program_key))
    halfway.keep(halfway.answer(asked.question, report.progress), asked.name)
    report.result(Kept(key=asked.name))
