"""Fixtures for files that are not part of the project."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

_SHARED = Path(__file__).resolve().parents[3] / "shared"


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    # Small inputs: a second thread costs more than it brings, the more so under pytest-xdist.
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shared() -> Path:
    if not _SHARED.is_dir():
        pytest.skip("needs ../shared")
    return _SHARED
