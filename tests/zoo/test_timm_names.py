from __future__ import annotations

import subprocess
import sys

import pytest

from zoo.timm_names import is_timm_model, timm_names


def test_they_are_those_that_timm_itself_knows() -> None:
    import timm
    from timm.models import _registry

    assert timm_names() >= set(timm.list_models())
    deprecated = {name.partition(".")[0] for name in _registry._deprecated_models}
    assert timm_names() == set(timm.list_models()) | deprecated
    for name in ("resnet18", "resnet18.a1_in1k", "tf_mobilenetv3_small_100", "no-such", "", "."):
        assert is_timm_model(name) == timm.is_model(name), name


def test_a_wrong_name_is_told_without_timm() -> None:
    code = (
        "import sys\nfrom zoo.errors import InputError\nfrom zoo.names import resolve\n"
        "try: resolve('fbnetv9_z')\n"
        "except InputError as error: print(error)\n"
        "print(sorted({'torch', 'timm', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert done[0].lower().startswith("fbnetv9_z: no such network; nearest: fbnet")
    assert done[1] == "[]"


@pytest.mark.parametrize("name", ["x" * 100_000, "\0", "..", "/", "a b", "\ud800"])
def test_impossible_names(name: str) -> None:
    assert not is_timm_model(name)
