"""One evaluation of several, of neighbouring images of one dataset."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runtime_bench.accuracy.evaluation import Evaluation


def merged(parts: Sequence[Evaluation]) -> Evaluation:
    """The evaluation of all images of ``parts``, at least one, in their order: equal to that of one
    run over the same batches, bit by bit."""
    first = parts[0]
    outputs = None
    if first.outputs is not None:
        kept = [part.outputs for part in parts if part.outputs is not None]
        outputs = {name: np.concatenate([one[name] for one in kept]) for name in first.outputs}
    # Kept predictions lack what outputs tell, such as probabilities.
    predictions = (
        [one for part in parts for one in part.predictions]
        if outputs is None
        else first.task.decode(outputs)
    )
    return Evaluation(
        task=first.task,
        predictions=predictions,
        targets=[one for part in parts for one in part.targets],
        names=tuple(name for part in parts for name in part.names),
        outputs=outputs,
    )
