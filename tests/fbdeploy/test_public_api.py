"""What users import from fbdeploy."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import fbdeploy


@pytest.mark.parametrize("name", sorted(set(fbdeploy.__all__) - {"__version__"}))
def test_every_public_name_is_its_home_s(name: str) -> None:
    home = importlib.import_module(fbdeploy._HOMES[name])
    assert getattr(fbdeploy, name) is getattr(home, name)


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = fbdeploy.nothing


def test_importing_fbdeploy_imports_nothing_heavy() -> None:
    code = "import fbdeploy, sys; print('torch' in sys.modules, 'numpy' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["False", "False"]
