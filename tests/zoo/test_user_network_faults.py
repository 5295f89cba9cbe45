"""Users' code that fails, hangs, prints, or makes modules of no use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from zoo.counting import count
from zoo.errors import InputError
from zoo.networks import InputOverrides, load_network

SMALL = InputOverrides(size=32)

NET = """
import os, sys, time
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, channels=3):
        super().__init__()
        self.stem = nn.Conv2d(channels, 8, 3, stride=2)
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.Linear(8, 2)
    def forward(self, x):
        return self.head(torch.relu(self.norm(self.stem(x))).mean((2, 3)))
"""


def _error(folder: Path, body: str, function: str = "f", **options: object) -> str:
    (folder / "net.py").write_text(NET + body)
    with pytest.raises(InputError) as error:
        load_network(f"{folder / 'net.py'}:{function}", overrides=SMALL, **options)
    text = str(error.value)
    assert "\n" not in text and len(text) <= 300 and text.startswith(str(folder / "net.py"))
    return text


def _line(body: str, words: str) -> int:
    return (NET + body)[: (NET + body).index(words)].count("\n") + 1


def _with(statement: str) -> str:
    return f"def f():\n    n = Net()\n    {statement}\n    return n\n"


@pytest.mark.parametrize(
    "raised",
    [
        "KeyboardInterrupt",
        "GeneratorExit",
        "SystemExit(0)",
        "type('Own', (BaseException,), {})('x')",
        "type('Mute', (Exception,), {'__str__': lambda self: 1 / 0})()",
        "ValueError('x' * 5000)",
        "ValueError('two\\nlines \\x07')",
    ],
)
def test_whatever_the_code_raises_is_one_line(tmp_path: Path, raised: str) -> None:
    body = f"def f(): raise {raised}\n"
    assert f"line {_line(body, 'raise')}" in _error(tmp_path, body)


@pytest.mark.parametrize(
    "read",
    ["input()", "assert sys.stdin.read() == 'x'", "breakpoint()", "sys.stdin.buffer.peek()[0]"],
)
def test_stdin_is_empty_for_the_users_code(tmp_path: Path, read: str) -> None:
    assert ": failed" in _error(tmp_path, f"def f(): {read}\n")


def test_what_the_code_prints_goes_to_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "net.py").write_text(NET + "print('import')\n" + _with("print('call')"))
    load_network(f"{tmp_path / 'net.py'}:f", overrides=SMALL)
    captured = capsys.readouterr()
    assert captured.out == "" and "import" in captured.err and "call" in captured.err


@pytest.mark.parametrize(
    "body",
    [
        "def f():\n    while True: pass  # stuck\n",
        "def f():\n    time.sleep(1000)  # stuck\n",
        "def f():\n    while True:\n        try: time.sleep(1000)  # stuck\n"
        "        except Exception: pass\n",
        "class Slow(Net):\n    def forward(self, x):\n        time.sleep(1000)  # stuck\n"
        "def f(): return Slow()\n",
    ],
)
def test_code_that_never_ends(tmp_path: Path, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FBDEPLOY_USER_SECONDS", "0.3")
    text = _error(tmp_path, body)
    assert f"did not end in 0.3 s at line {_line(body, '# stuck')}" in text
    assert "FBDEPLOY_USER_SECONDS" in text
    monkeypatch.setenv("FBDEPLOY_USER_SECONDS", "soon")
    with pytest.raises(InputError, match="is no number of seconds"):
        load_network(f"{tmp_path / 'net.py'}:f", overrides=SMALL)


def test_a_forked_child_does_not_go_on_in_our_code(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NET + _with("n.child = os.fork()"))
    network = load_network(f"{tmp_path / 'net.py'}:f", overrides=SMALL)
    _, status = os.waitpid(network.module.child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("n.labels = [1, 2]", "its labels are [1, 2]; give a list of strings"),
        ("n.labels = 'ab'", "give a list of strings"),
        ("n.labels = {0: 'a', 1: 'b'}", "give a list of strings"),
        ("n.labels = ['a', None]", "give a list of strings"),
        ("n.labels = ['a', 'b', 'c']", "3 labels for 2 outputs"),
        ("n.labels = ['a\\nb', 'c']", "its label 'a\\nb' is empty or has characters"),
        ("n.labels = ['', 'c']", "is empty"),
        ("n.labels = ['\\x07', 'c']", "cannot be printed"),
        ("n.pretrained_cfg = 'abc'", "its pretrained_cfg is abc; give a dict"),
        ("n.pretrained_cfg = {'mean': 3}", "give a dict with at least 'input_size'"),
        ("n.pretrained_cfg = {'input_size': 'abc'}", "'input_size': 'abc'; give (3, height"),
        ("n.pretrained_cfg = {'input_size': (3, 'a', 4)}", "give (3, height, width)"),
        ("n.pretrained_cfg = {'input_size': (1, 32, 32)}", "give (3, height, width)"),
        ("n.pretrained_cfg = {'input_size': (3, 32)}", "give (3, height, width)"),
        ("n.pretrained_cfg = {'input_size': (3, -1, 32)}", "give (3, height, width)"),
        ("n.pretrained_cfg = {'input_size': (3, 10**9, 32)}", "give (3, height, width)"),
        ("n.pretrained_cfg = {'input_size': None}", "give (3, height, width)"),
        ("n.pretrained_cfg = {'input_size': (3, 8, 8), 'mean': 'abc'}", "give three numbers"),
        ("n.pretrained_cfg = {'input_size': (3, 8, 8), 'std': (0, 1, 1)}", "numbers above 0"),
        ("n.pretrained_cfg = {'input_size': (3, 8, 8), 'mean': [float('nan')] * 3}", "'mean'"),
        ("n.pretrained_cfg = {'input_size': (3, 8, 8), 'crop_pct': '1'}", "up to 1"),
        ("n.pretrained_cfg = {'input_size': (3, 8, 8), 'crop_pct': 7}", "up to 1"),
        ("n.pretrained_cfg = {'input_size': (3, 8, 8), 'interpolation': 'lanczos'}", "one of"),
        ("n.pretrained_cfg = {'input_size': (3, 8, 8), 'interpolation': []}", "one of"),
        ("n.pretrained_cfg = {'input_size': (3, 8, 8), 'crop_mode': 3}", "one of"),
        ("n = torch.jit.script(n)", "it is a ScriptModule"),
        ("n.stem = torch.jit.script(n.stem)", "its part stem is a ScriptModule"),
        ("n = n.to('meta')", "on the meta device"),
        ("n.stem = nn.LazyConv2d(8, 3)", "has no shape yet; run the module once"),
        ("n = Net(channels=1)", "takes images of 1 channel, and fbdeploy"),
        ("n.head.weight.data[0] = float('nan')", "'head.weight' holds NaN"),
        ("n = (i for i in [n])", "returned generator"),
        ("n = torch.export.export(n, (torch.zeros(1, 3, 32, 32),))", "returned ExportedProgram"),
    ],
)
def test_modules_of_no_use(tmp_path: Path, statement: str, said: str) -> None:
    assert said in _error(tmp_path, _with(statement))


def test_what_is_no_function_without_arguments(tmp_path: Path) -> None:
    body = (
        "net = Net()\ndef f(a, b=1): pass\n"
        "def g(num_classes): return Net()\ndef h(*a, **k): return Net()\n"
    )
    assert "is a module; give a function" in _error(tmp_path, body, "net")
    assert "needs a; give its arguments defaults" in _error(tmp_path, body, "f")
    assert "give --num-classes" in _error(tmp_path, body, "g")
    assert load_network(f"{tmp_path / 'net.py'}:g", overrides=SMALL, num_classes=2)
    for function in ("h", "Net"):  # a class makes modules as a function does
        assert load_network(f"{tmp_path / 'net.py'}:{function}", overrides=SMALL).num_classes == 2


def test_a_forward_that_branches_on_values(tmp_path: Path) -> None:
    for condition in ("x.sum() > 0", "x.max().item() > 1", "torch.any(x > 1)", "len(x[x > 1])"):
        body = (
            "class Branch(Net):\n    def forward(self, x):\n"
            f"        if {condition}: x = -x\n        return super().forward(x)\n"
            "def f(): return Branch()\n"
        )
        text = _error(tmp_path, body)
        assert f"branches on values of its input at line {_line(body, 'if ')}" in text


@pytest.mark.parametrize("change", ["half()", "double()", "bfloat16()"])
def test_modules_of_other_floats_become_float32(tmp_path: Path, change: str) -> None:
    (tmp_path / "net.py").write_text(
        NET + f"def f():\n    torch.manual_seed(0)\n    return Net().{change}\n"
        "def g():\n    torch.manual_seed(0)\n    return Net()\n"
    )
    found, plain = (load_network(f"{tmp_path / 'net.py'}:{f}", overrides=SMALL) for f in "fg")
    assert {t.dtype for t in found.module.parameters()} == {torch.float32}
    x = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        assert torch.allclose(found.module(x), plain.module(x), atol=2e-2)


def test_wrapped_modules_are_unwrapped(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        NET + "def f(): return nn.DataParallel(Net())\ndef g(): return torch.compile(Net())\n"
    )
    for function in "fg":
        network = load_network(f"{tmp_path / 'net.py'}:{function}", overrides=SMALL)
        assert type(network.module).__name__ == "Net"


def test_tensors_that_a_forward_makes_itself_are_counted(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        NET + "class Coord(Net):\n    def forward(self, x):\n"
        "        return super().forward(x + torch.linspace(0, 1, x.shape[-1]))\n"
        "def f(): return Coord()\ndef g(): return Net()\n"
    )
    coord, plain = (load_network(f"{tmp_path / 'net.py'}:{f}", overrides=SMALL) for f in "fg")
    assert count(coord.module, (1, 3, 32, 32)) == count(plain.module, (1, 3, 32, 32))


def test_the_shared_modules(shared: Path) -> None:
    cases = {
        "networks/half_module/build.py:build": None,
        "networks/scripted_module/build.py:build": "ScriptModule",
        "faults/24-user-module-types/cfgbad.py:f": "input_size",
        "faults/24-user-module-types/cfgbad2.py:f": "input_size",
        "faults/24-user-module-types/datadep.py:f": "branches on values of its input at line 10",
        "faults/24-user-module-types/labelsint.py:f": "list of strings",
        "faults/32-user-module-stdin/baseexc.py:f": "E: x",
        "faults/32-user-module-stdin/kbd.py:f": "line 1: KeyboardInterrupt",
        "faults/32-user-module-stdin/stdinread.py:f": None,
    }
    for name, said in cases.items():
        path = f"{shared / 'cases' / name}"
        if said is None:
            assert load_network(path, overrides=InputOverrides(size=48)).num_classes in (2, 10)
            continue
        with pytest.raises(InputError) as error:
            load_network(path, overrides=InputOverrides(size=48))
        assert said in str(error.value) and len(str(error.value)) <= 300
