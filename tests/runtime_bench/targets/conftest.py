"""Boards: each test gets a fresh one; they share one image, so one test at a time has them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime_bench.machine.cache import cache_lock
from tests.runtime_bench.device_fixtures import cache, kit, need_board
from tests.runtime_bench.targets.board import Board, Network, make_image

__all__ = ["cache", "kit"]


@pytest.fixture
def network(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    """A network of loopback only; adb and ssh of this test run inside it."""
    need_board()
    with cache_lock(cache / "boards"):
        inside = Network(tmp_path)
        monkeypatch.setenv("PATH", f"{inside.programs}:{os.environ['PATH']}")
        try:
            yield inside
        finally:
            inside.close()


@pytest.fixture
def board(network: Network, tmp_path: Path, cache: Path) -> Iterator[Board]:
    """A board that is not started yet."""
    with cache_lock(cache):
        image = make_image(cache)
    made = Board(network, image, tmp_path)
    try:
        yield made
    finally:
        made.stop()
