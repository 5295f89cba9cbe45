"""Random integers against numpy's own derivation of them, and their spread."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.scenes.draws import Draws


def test_the_stream_is_philoxs() -> None:
    # Of Random123's known answers (kat_vectors, philox4x64 10 rounds): key and counter zero. numpy
    # counts up before its first block, so that its first block is that of counter 1.
    raw = np.random.Philox(key=[0, 0], counter=[2**64 - 1] * 4).random_raw(4)
    known = [0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B]
    assert raw.tolist() == known


def test_integers_are_the_high_bits_of_each_word() -> None:
    words = np.random.Philox(key=[7, 11]).random_raw(4)
    draws = Draws(7, 11)
    assert draws.below(1000) == (int(words[0]) >> 32) * 1000 // 2**32
    assert draws.between(-5, 5) == (int(words[1]) >> 32) * 11 // 2**32 - 5
    octets = [(int(words[2 + i // 8]) >> 8 * (i % 8)) & 255 for i in range(9)]
    assert draws.octets(3, 3).ravel().tolist() == octets


@pytest.mark.parametrize("count", [1, 2, 7, 100])
def test_every_value_comes_about_as_often(count: int) -> None:
    draws = Draws(1, 2)
    seen = np.bincount([draws.below(count) for _ in range(100 * count)], minlength=count)
    assert len(seen) == count
    # 5 standard deviations of a binomial count of mean 100.
    assert np.abs(seen - 100).max() <= 50


def test_each_scene_and_seed_has_a_stream_of_its_own() -> None:
    first = {Draws(seed, index).octets(8).tobytes() for seed in range(5) for index in range(20)}
    assert len(first) == 100
