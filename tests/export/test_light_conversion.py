"""Conversion with fewer checks makes the same model, and leaves coremltools as it was."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from export.light_conversion import light_conversion

coremltools = pytest.importorskip("coremltools")


def _converted() -> Any:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Hardswish()).eval()
    exported = torch.export.export(module, (torch.zeros(1, 3, 8, 8),)).run_decompositions({})
    model = coremltools.convert(
        exported,
        minimum_deployment_target=coremltools.target.iOS17,
        skip_model_load=True,
    )
    return model.get_spec()


def test_the_same_model_of_fewer_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    program = coremltools.converters.mil.mil.program.Program
    validate, checks = program.validate, []

    def counted(self: Any, check_essential_scope: bool | None = False) -> None:
        checks.append(check_essential_scope)
        validate(self, check_essential_scope)

    monkeypatch.setattr(program, "validate", counted)
    heavy = _converted()
    all_checks, checks[:] = list(checks), []
    with light_conversion():
        light = _converted()
    assert light == heavy
    assert len(all_checks) > 50 and checks == [check for check in all_checks if check]
    assert len(checks) >= 2


def test_coremltools_is_left_as_it_was() -> None:
    program = coremltools.converters.mil.mil.program.Program
    before = program.validate
    with pytest.raises(RuntimeError, match="on the way"), light_conversion():
        assert program.validate is not before
        raise RuntimeError("on the way")
    assert program.validate is before
