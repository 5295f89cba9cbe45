from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from runtime_bench.timing.interleave import Series, interleave, warm_up
from runtime_bench.timing.modes import MODES, Mode, mode_of
from stats.loads import compare_loads
from zoo.errors import InputError

FAST = Mode("test", 20, 0.2, 1.0, 0.05, loads=1, warmup_seconds=0.5, block_seconds=0.02)


def leave(order: Sequence[int]) -> None:
    """Contestants that are not renewed."""


@dataclass
class Machine:
    """Simulated time: every run advances it; its speed wanders with it."""

    generator: np.random.Generator
    drift: float = 0.0
    seconds: float = 0.0
    order: list[str] = field(default_factory=list)

    def speed(self) -> float:
        return 1.0 + 0.3 * np.sin(self.seconds * 3) + self.drift * np.exp(-self.seconds / 0.05)


@dataclass
class Simulated:
    machine: Machine
    name: str
    milliseconds: float
    noise: float = 0.01
    blocks: list[int] = field(default_factory=list)

    def run_block(self, runs: int) -> list[int]:
        self.blocks.append(runs)
        self.machine.order.append(self.name)
        durations = []
        for index in range(runs):
            # The first run of a block meets cold caches.
            cold = 1.5 if index == 0 else 1.0
            jitter = self.machine.generator.normal(1.0, self.noise)
            duration = self.milliseconds / 1e3 * self.machine.speed() * jitter * cold
            self.machine.seconds += duration
            durations.append(round(duration * 1e9))
        return durations


def test_everyone_gets_the_same_rounds_in_an_order_drawn_by_lot() -> None:
    machine = Machine(np.random.default_rng(0))
    contestants = [Simulated(machine, name, ms) for name, ms in (("a", 1.0), ("b", 4.0))]
    done: list[float] = []
    series = interleave(contestants, [1e6, 4e6], FAST, leave, seed=1, progress=done.append)
    rounds = [len(one.samples) // one.block_runs for one in series]
    assert rounds[0] == rounds[1] == len(machine.order) // 2
    assert rounds[0] >= 8 and rounds[0] % 2 == 0
    orders = [machine.order[i : i + 2] for i in range(0, len(machine.order), 2)]
    # Every lot is followed by its reverse, so that nobody is first more often.
    assert all(orders[i + 1] == orders[i][::-1] for i in range(0, len(orders), 2))
    for start in range(0, len(machine.order), 2):
        assert set(machine.order[start : start + 2]) == {"a", "b"}
    firsts = machine.order[::2]
    assert 0 < firsts.count("a") < len(firsts)
    # A sixteenth of 0.2 s a block, two for each of 8 epochs, and one run of each thrown away.
    assert [(one.block_runs, one.load_rounds) for one in series] == [(12, 3), (3, 3)]
    assert contestants[0].blocks == [13] * rounds[0]
    assert done == sorted(done)
    assert done[-1] == 1.0


def test_order_is_that_of_the_seed() -> None:
    orders = []
    for seed in (1, 1, 2):
        machine = Machine(np.random.default_rng(0))
        contestants = [Simulated(machine, name, 1.0) for name in "abc"]
        interleave(contestants, [1e6] * 3, FAST, leave, seed=seed)
        orders.append(machine.order)
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]


def test_stops_only_when_counts_times_and_width_are_reached() -> None:
    machine = Machine(np.random.default_rng(0))
    series = interleave([Simulated(machine, "slow", 50.0)], [50e6], FAST, leave)[0]
    assert len(series.samples) >= FAST.minimum_runs
    assert series.seconds >= FAST.minimum_seconds
    machine.speed = lambda: 1.0  # type: ignore[method-assign]
    steady = interleave([Simulated(machine, "steady", 1.0, noise=0.001)], [1e6], FAST, leave)[0]
    rough = interleave([Simulated(machine, "rough", 1.0, noise=0.5)], [1e6], FAST, leave)[0]
    assert rough.seconds > steady.seconds
    assert rough.enough(FAST)
    assert not Series(1, 2, [1_000_000] * 19).enough(FAST)


def test_contestants_are_renewed_before_each_epoch_in_reversed_orders() -> None:
    machine = Machine(np.random.default_rng(0))
    contestants = [Simulated(machine, name, ms) for name, ms in (("a", 1.0), ("b", 4.0))]
    renewals: list[tuple[int, list[int]]] = []

    def renew(order: Sequence[int]) -> None:
        renewals.append((len(contestants[0].blocks), list(order)))

    done: list[float] = []
    mode = replace(FAST, epochs=10, minimum_seconds=0.5)
    series = interleave(contestants, [1e6, 4e6], mode, renew, progress=done.append)
    orders = [order for _, order in renewals]
    # 25 rounds of 20 ms reach half a second: 3 an epoch.
    assert [one.load_rounds for one in series] == [3, 3]
    assert len(orders) >= 10 and len(orders) % 2 == 0
    assert {tuple(sorted(order)) for order in orders} == {(0, 1)}
    assert orders[1::2] == [order[::-1] for order in orders[::2]]
    assert len({tuple(order) for order in orders[::2]}) > 1
    # Before the first round and then after each third, but not after the last.
    assert [rounds for rounds, _ in renewals] == list(range(0, 3 * len(orders), 3))
    for one, contestant in zip(series, contestants, strict=True):
        assert len(one.samples) == 3 * len(orders) * one.block_runs
        assert len(contestant.blocks) == 3 * len(orders)
        assert one.enough(mode)
    assert done == sorted(done) and done[-1] == 1.0


def test_slow_contestants_are_renewed_as_often() -> None:
    machine = Machine(np.random.default_rng(0))
    renewed: list[Sequence[int]] = []
    (series,) = interleave(
        [Simulated(machine, "slow", 1000.0)], [1e9], FAST, lambda order: renewed.append(order)
    )
    # 20 runs are asked for, of which every round has one: 3 rounds for each of 8 epochs.
    assert (series.block_runs, series.load_rounds) == (1, 3)
    assert (len(series.samples), len(renewed)) == (24, 8)


@pytest.mark.parametrize("seconds,rounds", [(0.05, 5), (2.0, 11)])
def test_an_epoch_lasts_as_long_as_its_renewal_within_the_most_seconds(
    seconds: float, rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(np.random.default_rng(0))
    renewed: list[Sequence[int]] = []

    def renew(order: Sequence[int]) -> None:
        renewed.append(order)
        machine.seconds += seconds

    monkeypatch.setattr(
        "runtime_bench.timing.interleave.time.perf_counter", lambda: machine.seconds
    )
    (series,) = interleave([Simulated(machine, "a", 1.0, noise=0.5)], [1e6], FAST, renew)
    # Blocks of 12 ms: 5 are 0.06 s, and 11 in each of 8 epochs are more than a second.
    assert (series.block_runs, series.load_rounds) == (12, rounds)
    # It is too rough for a narrow interval, so it goes on for as long as it may.
    epochs = len(renewed)
    assert epochs >= 8 and series.seconds * (1 + 2 / epochs) > FAST.maximum_seconds
    if epochs > 8:
        assert series.seconds < 1.5 * FAST.maximum_seconds


def test_ratio_survives_a_wandering_machine_where_plain_averages_do_not() -> None:
    plain, paired = [], []
    for seed in range(8):
        machine = Machine(np.random.default_rng(seed), seconds=seed * 0.37)
        first, second = Simulated(machine, "a", 1.1), Simulated(machine, "b", 1.0)
        series = interleave([first, second], [1.1e6, 1e6], FAST, leave, seed=seed)
        paired.append(
            compare_loads(
                series[0].samples,
                series[1].samples,
                first_runs=series[0].block_runs,
                second_runs=series[1].block_runs,
            ).ratio
        )
        one, two = (np.mean(contestant.run_block(200)) for contestant in (first, second))
        plain.append(one / two)
    assert np.max(np.abs(np.array(paired) / 1.1 - 1)) < 0.02
    assert np.std(plain) > 5 * np.std(paired)


def test_warm_up_ends_when_the_drift_is_gone() -> None:
    machine = Machine(np.random.default_rng(0), drift=2.0)
    machine.speed = lambda: 1.0 + 2.0 * np.exp(-machine.seconds / 0.05)  # type: ignore[method-assign]
    warm = warm_up(Simulated(machine, "a", 1.0), FAST)
    assert warm.settled
    assert 0.1 < machine.seconds < 1.0
    assert warm.median_ns == pytest.approx(1e6, rel=0.1)


def test_warm_up_is_bounded() -> None:
    machine = Machine(np.random.default_rng(0))
    machine.speed = lambda: 1.0 + 5 * machine.seconds  # type: ignore[method-assign]
    warm = warm_up(Simulated(machine, "a", 1.0), FAST)
    assert not warm.settled
    assert machine.seconds < 2 * FAST.warmup_seconds


def test_modes() -> None:
    assert mode_of("mlperf").minimum_runs >= 1024
    assert mode_of("mlperf").minimum_seconds >= 60
    assert list(MODES) == ["quick", "standard", "mlperf"]
    assert all(mode.epochs >= 8 and mode.epochs % 2 == 0 for mode in MODES.values())
    for epochs in (6, 9):
        with pytest.raises(ValueError, match=f"{epochs} epochs"):
            replace(FAST, epochs=epochs)
    with pytest.raises(InputError, match="give one of quick, standard, mlperf"):
        mode_of("slow")
