"""What users import from fbdeploy."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import fbdeploy

ROOMS = {"check", "compare"}
"""Public functions whose names are rooms' too."""


@pytest.mark.parametrize("name", sorted(set(fbdeploy.__all__) - {"__version__", *ROOMS}))
def test_every_public_name_is_its_home_s(name: str) -> None:
    home = importlib.import_module(fbdeploy._HOMES[name])
    assert getattr(fbdeploy, name) is getattr(home, name)


def test_the_check_can_be_called_though_a_room_has_its_name() -> None:
    code = (
        "import fbdeploy, inspect, fbdeploy.check.rules, fbdeploy.compare\n"
        "from fbdeploy import check\n"
        "assert check is fbdeploy.check and fbdeploy.check.rules.load_rules()\n"
        "print(list(inspect.signature(check).parameters)[:2])\n"
        "assert list(inspect.signature(fbdeploy.compare).parameters)[1] == 'reference'\n"
        "try: check('/no', '/none.json')\n"
        "except fbdeploy.InputError as error: print(error)\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names, line = out.stdout.splitlines()
    assert names == "['output', 'baseline']" and line.startswith("/none.json: cannot be read")


def test_names_are_completed_and_typed() -> None:
    assert set(dir(fbdeploy)) == set(fbdeploy.__all__)
    root = Path(fbdeploy.__file__).parents[1]
    for package in ("fbdeploy", "zoo", "quantize", "export", "runtime_bench", "tasks", "stats"):
        assert (root / package / "py.typed").exists()


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = fbdeploy.nothing


def test_importing_fbdeploy_imports_nothing_heavy() -> None:
    code = "import fbdeploy, sys; print('torch' in sys.modules, 'numpy' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["False", "False"]
