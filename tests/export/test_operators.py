"""Operators of mobile networks in every format's int8: each file loads and computes the program.

Operators of a kind stand behind one another in one network, which is exported once a format.
"""

from __future__ import annotations

import pytest

from export.formats import FORMATS
from tests.export.operators import ACTIVATIONS, NORMS, SHAPES, SPATIAL, Chain
from tests.export.small_exports import SmallExport

KINDS = {"activations": ACTIVATIONS, "spatial": SPATIAL, "shapes": SHAPES, "norms": NORMS}


@pytest.fixture(scope="module", params=list(KINDS))
def chain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SmallExport:
    module = Chain(*KINDS[request.param].values())
    return SmallExport(module, tmp_path_factory.mktemp(request.param), size=16)


@pytest.mark.parametrize("form", list(FORMATS))
def test_artefact_loads_and_computes_the_program(chain: SmallExport, form: str) -> None:
    assert chain.sqnr(form) > 24
