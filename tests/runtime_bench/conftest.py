from __future__ import annotations

import pytest

from tests.runtime_bench.artefacts import Artefacts


@pytest.fixture(scope="session")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> Artefacts:
    """``artefacts(format, precision)`` gives the path of a tiny network's artefact."""
    return Artefacts(tmp_path_factory.mktemp("artefacts"))
