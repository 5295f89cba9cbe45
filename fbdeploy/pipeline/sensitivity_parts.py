"""``fbdeploy sensitivity`` by several jobs: one quantizes, then each ranks some of the layers."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from fbdeploy.pipeline.keys import key_of
from fbdeploy.pipeline.sensitivity import (
    Measured,
    SensitivityRequest,
    document,
    quantized,
    rows,
)
from fbdeploy.pipeline.space import MEGABYTE
from fbdeploy.pipeline.spread import Spread, code_identity, images_identity, kept_until_done
from fbdeploy.pipeline.steps.opening import worker_threads
from fbdeploy.pipeline.steps.prepare import MEMORY as QUANTIZING_MEMORY
from fbdeploy.pipeline.workers.jobs import Job, Reporter
from fbdeploy.records.sensitivity import LayerRow, SensitivityDocument
from zoo.documents import Schema
from zoo.files import atomic_file, atomic_folder, sha256_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

START, PROGRAM, IMAGES, MEASURED = "start", "program", "images.npy", "measured.json"
RANKED = "ranked-{:03}.json"
RANKING_MEMORY = 1500 * MEGABYTE
"""Expected peak of resident memory."""


class QuantizeArguments(Schema):
    """``folder`` gets what all others begin with."""

    folder: Path
    request: SensitivityRequest


class RankArguments(Schema):
    """The layers at ``positions``, from 0, are to be ranked in ``folder``."""

    folder: Path
    threads: int | None
    positions: tuple[int, ...]


class Kept(Schema):
    """A file or folder of that name is finished."""

    key: str


class Ranked(Schema):
    """Rows of some layers; ``images`` and ``kl`` are those of the document."""

    images: int
    kl: float
    layers: tuple[LayerRow, ...]


def measure_in_parts(request: SensitivityRequest, spread: Spread) -> SensitivityDocument:
    """What ``sensitivity.measure`` gives, by as many jobs as there is room for.

    What is finished when this is ended is not made again by the same call.

    Raises:
        InputError: the network, the recipe or the images cannot be had.
        PipelineError: a job crashed.
    """
    start = time.monotonic()
    with kept_until_done("sensitivity", _key(request)) as folder:
        if not (folder / START).exists():
            spread.run(folder, [_quantizing(folder, request)])
        text = (folder / START / MEASURED).read_text(encoding="utf-8")
        measured = Measured.model_validate_json(text)
        known = {row.position - 1 for one in _ranked(folder) for row in one.layers}
        left = [number for number in range(measured.layers) if number not in known]
        spread.run(folder, _ranking(folder, request, left, spread))
        spread.tell_hosts(folder)
        found = _ranked(folder)
        layers = [row for one in found for row in one.layers]
        return document(request, measured, found[0].images, found[0].kl, layers, start)


def _quantizing(folder: Path, request: SensitivityRequest) -> Job:
    return Job.calling(
        quantize_once,
        QuantizeArguments(folder=folder, request=request),
        name="quantize",
        title="int8 ranges",
        memory=QUANTIZING_MEMORY,
        exclusive=True,
        vital=True,
    )


def _ranking(
    folder: Path, request: SensitivityRequest, left: list[int], spread: Spread
) -> list[Job]:
    """Layers are dealt out in turn, since the first take longest: all behind them runs again."""
    slots = spread.place.slots(request.threads or 1)
    count = min(slots.count, len(left))
    return [
        Job.calling(
            rank,
            RankArguments(
                folder=folder, threads=request.threads, positions=tuple(left[number::count])
            ),
            name=f"rank-{number + 1}",
            title=f"layers, share {number + 1} of {count}",
            memory=RANKING_MEMORY,
            exclusive=slots.exclusive,
            vital=True,
        )
        for number in range(count)
    ]


def quantize_once(report: Reporter, asked: QuantizeArguments) -> None:
    """Quantize, and keep the program and the images; hands over that they are ``Kept``."""
    import numpy as np

    measured, program, images = quantized(asked.request, report.progress, report.note)
    with atomic_folder(asked.folder / START, (MEASURED,)) as temporary:
        program.save(temporary / PROGRAM)
        pixels: NDArray[np.float32] = images.numpy()
        np.save(temporary / IMAGES, pixels)
        (temporary / MEASURED).write_text(measured.model_dump_json(), encoding="utf-8")
    report.result(Kept(key=START))


def rank(report: Reporter, asked: RankArguments) -> None:
    """Rank layers of the program that is kept; hands over that their rows are ``Kept``."""
    import numpy as np
    import torch

    from quantize.analysis.sensitivity import sensitivity
    from quantize.program import load_program

    torch.set_num_threads(asked.threads or worker_threads())
    start = asked.folder / START
    images = torch.from_numpy(np.load(start / IMAGES, allow_pickle=False))
    program = load_program(start / PROGRAM)
    found = sensitivity(program, images, report.progress, positions=asked.positions)
    ranked = Ranked(images=found.images, kl=found.kl, layers=tuple(rows(found)))
    target = asked.folder / RANKED.format(asked.positions[0])
    with atomic_file(target) as temporary:
        temporary.write_text(ranked.model_dump_json(), encoding="utf-8")
    report.result(Kept(key=target.name))


def _ranked(folder: Path) -> list[Ranked]:
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("ranked-*.json"))]
    return [Ranked.model_validate_json(text) for text in texts]


def _key(request: SensitivityRequest) -> str:
    """Identity of the ranking: of what the request names, by content. A network of the user's own
    code may import anything, so its ranking always begins anew."""
    files = [Path(name) for name in (request.weights, request.recipe) if name]
    is_code = ":" in request.network
    return key_of(
        asked=request.model_dump(mode="json"),
        once=uuid.uuid4().hex if is_code else "",
        files=[sha256_of(file) for file in files if file.is_file()],
        data=images_identity(request.calibration),
        by=code_identity(),
    )
