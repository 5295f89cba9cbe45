"""A sweep's rows, made up: three networks with long names, timed on one machine."""

from __future__ import annotations

from fbdeploy.records.rows import summarize
from fbdeploy.sweep.plan import NetworkPlan, SweepPlan
from fbdeploy.sweep.rows import SweepRow
from tests.fbdeploy.samples import sample

NETWORKS = {
    "fbnetv2_f1": (1.0, 0.0),
    "tf_mobilenetv3_small_minimal_100": (0.7, -0.03),
    "mobilenetv3_large_100": (3.1, 0.02),
}
"""How many times as long as the sample's, and how much more accurate."""


def sample_sweep() -> tuple[SweepPlan, list[SweepRow]]:
    """All artefacts of the sample that are timed, of each network."""
    rows = []
    for network, (times, more) in NETWORKS.items():
        for result in summarize(*sample()):
            if result.latency_ms is None:
                continue
            latency = {
                name: times * value for name, value in result.latency_ms.model_dump().items()
            }
            scores = tuple(
                score.model_copy(update={"value": min(1.0, score.value + more)})
                for score in result.scores
            )
            told = result.model_copy(
                update={
                    "latency_ms": result.latency_ms.model_copy(update=latency),
                    "scores": scores,
                }
            )
            rows.append(
                SweepRow(
                    network=network,
                    recipe="ptq",
                    target="local",
                    device="a made-up processor",
                    threads=1,
                    result=told,
                    on_front=result.format == "onnx",
                )
            )
    plan = SweepPlan(networks=tuple(NetworkPlan(name=name) for name in NETWORKS))
    return plan, rows
