"""The house: what is declared is what is used, and a wheel works when installed alone."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import warnings
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from fbdeploy import version

ROOT = Path(__file__).parents[1]
PACKAGES = ("fbdeploy", "stats", "zoo", "tasks", "quantize", "export", "runtime_bench")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _requirements(*extras: str) -> dict[str, Requirement]:
    lines = list(PYPROJECT["project"]["dependencies"])
    for extra in extras:
        lines += PYPROJECT["project"]["optional-dependencies"][extra]
    return {parsed.name: parsed for parsed in map(Requirement, lines)}


def _third_party_imports() -> dict[str, str]:
    """Top-level modules of others that our packages import, each with one file that does."""
    found: dict[str, str] = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                    names = [node.module]
                for name in names:
                    found.setdefault(name.split(".")[0], str(path.relative_to(ROOT)))
    ours = set(PACKAGES) | set(sys.stdlib_module_names)
    return {name: path for name, path in found.items() if name not in ours}


def test_every_import_is_a_declared_dependency() -> None:
    declared = set(_requirements("coreml", "litert", "cluster"))
    distributions = metadata.packages_distributions()
    missing = {}
    for module, path in _third_party_imports().items():
        names = {name.lower().replace("_", "-") for name in distributions.get(module, [module])}
        if not names & {name.lower().replace("_", "-") for name in declared}:
            missing[module] = path
    assert missing == {}


def test_installed_versions_are_the_pinned_ones() -> None:
    for name, requirement in _requirements("coreml", "litert", "cluster").items():
        assert requirement.specifier.contains(metadata.version(name)), name


def test_torch_and_torchvision_are_pinned_together() -> None:
    pins = _requirements()
    assert str(pins["torch"].specifier) == "==2.14.1"
    assert str(pins["torchvision"].specifier) == "==0.29.1"


def test_onnxruntime_is_opened_where_int8_is_exact() -> None:
    """A plain session saturates on some processors; what only reads graphs may make one."""
    makers = {
        path.relative_to(ROOT).as_posix()
        for room in (*PACKAGES, "benchmarks")
        for path in (ROOT / room).rglob("*.py")
        if "InferenceSession(" in path.read_text(encoding="utf-8")
    }
    assert makers == {"runtime_bench/runtimes/onnx.py", "export/inspection/onnx.py"}


def test_the_version_is_the_tag_s(tmp_path: Path) -> None:
    from setuptools_scm import get_version

    assert "version" not in PYPROJECT["project"] and PYPROJECT["project"]["dynamic"] == ["version"]
    told = PYPROJECT["tool"]["setuptools_scm"]
    assert get_version(root=str(tmp_path), **told) == told["fallback_version"]  # without git
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(tmp_path)]
    for command in (
        ["init", "-q"],
        ["commit", "-q", "--allow-empty", "-m", "x"],
        ["tag", "v1.2.3"],
    ):
        subprocess.run([*git, *command], check=True)
    assert get_version(root=str(tmp_path), **told) == "1.2.3"
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "y"], check=True)
    assert get_version(root=str(tmp_path), **told).startswith("1.2.4.dev1+g")


def test_the_contract_lists_all_packages_in_order() -> None:
    contract = PYPROJECT["tool"]["importlinter"]["contracts"][0]
    assert contract["layers"] == [
        "fbdeploy",
        "runtime_bench",
        "export",
        "quantize",
        "tasks",
        "zoo",
        "stats",
    ]
    folders = {p.parent.name for p in ROOT.glob("*/__init__.py")}
    assert folders - {"tests"} == set(PACKAGES) == {"fbdeploy", *version.PACKAGES}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the tree, so that no build folder is left in it."""
    folder = tmp_path_factory.mktemp("build")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--wheel-dir", str(folder), str(source)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    (built,) = folder.glob("fbdeploy-*.whl")
    return built


def _installed_here() -> list[str]:
    """Where this environment has fbdeploy; nowhere if the checkout is used as it is."""
    sites = [Path(path) for path in sys.path if path.endswith("site-packages")]
    return sorted(str(path) for site in sites for path in site.glob("fbdeploy-*.dist-info"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment that has the wheel, and the dependencies of this one."""
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    before = _installed_here()
    # Without --ignore-installed, pip would take this environment's own fbdeploy away for it.
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
    command += ["--ignore-installed", "--prefix", str(folder), str(wheel)]
    subprocess.run(command, check=True)
    assert _installed_here() == before
    here = [path for path in sys.path if path.endswith("site-packages")]
    # The wheel's folder comes first, and an editable install of the checkout is not followed:
    # addsitedir would run its .pth, a plain path does not.
    (site / "dependencies.pth").write_text("\n".join(here), encoding="utf-8")
    return folder


def _run(installed: Path, cwd: Path, *command: str) -> str:
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    # Through this environment's python: pip writes its own into the script's first line.
    program = ["python"] if command[0] == "python" else ["python", command[0]]
    done = subprocess.run(
        [*(str(installed / "bin" / name) for name in program), *command[1:]],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_every_data_file(installed: Path) -> None:
    (site,) = installed.glob("lib/python*/site-packages")
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                inside = site / path.relative_to(ROOT)
                assert inside.exists(), f"{path.relative_to(ROOT)} is not in the wheel"
                assert inside.read_bytes() == path.read_bytes()


LOAD_EVERYTHING = """
import json
from importlib import resources
import fbdeploy, zoo.architecture, zoo.embedded, quantize.recipe
from zoo.dataset_names import EMBEDDED_DATASETS
from zoo.embedded import read_images
from fbdeploy.check.rules import load_rules
from fbdeploy.report.templates import style, template_text
from quantize.recipe import built_in, load_recipe
print(json.dumps({
    "where": [fbdeploy.__file__, zoo.architecture.__file__],
    "architectures": len(zoo.architecture.architectures()),
    "images": {name: len(read_images(name).images) for name in EMBEDDED_DATASETS},
    "recipes": [load_recipe(name).name for name in built_in()],
    "template": min(
        len(template_text("fbdeploy.report", "report.html.jinja")),
        len(template_text("fbdeploy.sweep", "sweep.html.jinja")),
        len(style()),
    ),
    "rules": load_rules(None).false_alarm,
    "licence": (resources.files("zoo.embedded") / "LICENSE.fashion-mnist").is_file(),
}))
"""


def test_the_wheel_works_alone(installed: Path, tmp_path: Path) -> None:
    loaded = json.loads(_run(installed, tmp_path, "python", "-c", LOAD_EVERYTHING))
    assert all(path.startswith(str(installed)) for path in loaded["where"])
    assert loaded["architectures"] == 24
    assert loaded["images"] == {"fashion-mnist": 10_000, "fashion-mnist-calibration": 512}
    assert "ptq" in loaded["recipes"]
    assert loaded["template"] > 1000 and loaded["licence"]
    assert loaded["rules"] == 0.05
    listed = json.loads(_run(installed, tmp_path, "fbdeploy", "zoo", "--json"))
    assert {"FBNetV2_F1", "FBNetV3_A"} <= {network["name"] for network in listed["networks"]}
    assert list(tmp_path.iterdir()) == []


USERS_FILES = {
    "net.py": """
from torch import nn
import stats, tasks
from export import FLATTEN
from zoo import WIDTH

def build():
    return nn.Sequential(
        nn.Conv2d(3, WIDTH, 3, stride=8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), FLATTEN(),
        nn.Linear(WIDTH, stats.CLASSES + tasks.MORE)
    )
""",
    "stats.py": "CLASSES = 8\n",
    "tasks.py": "MORE = 2\n",
    "export.py": "from torch.nn import Flatten as FLATTEN\n",
    "zoo.py": "WIDTH = 4\n",
    "quantize.py": "raise AssertionError\n",
    "runtime_bench.py": "raise AssertionError\n",
}


def test_a_users_files_may_be_called_like_our_packages(installed: Path, tmp_path: Path) -> None:
    for name, text in USERS_FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    # With -m Python puts the current folder first on the path.
    command = "deploy net.py:build --input-size 28 --formats torchscript --precisions fp32"
    command += " --data fashion-mnist --calibration fashion-mnist-calibration --images 100"
    command += " --artefacts-only --output out --json"
    _run(installed, tmp_path, "python", "-m", "fbdeploy", *command.split())
    assert (tmp_path / "out/fp32/model.pt").is_file()


def test_another_module_of_our_packages_name_is_told(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "stats.py").write_text("", encoding="utf-8")
    program = "import stats\ntry: import fbdeploy\nexcept ImportError as error: print(error)"
    said = _run(installed, tmp_path, "python", "-c", program)
    assert "stats.py is imported as 'stats'" in said


def test_ci_runs_the_command_the_readme_gives() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert "```sh\nmake test\n```" in readme
    assert re.search(r"^make test ", script, re.MULTILINE)
    assert os.access(ROOT / ".ci/run", os.X_OK)
    subprocess.run(["bash", "-n", str(ROOT / ".ci/run")], check=True)


def test_no_machine_path_or_registry_is_written_down() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    # Put together here, so that this file does not hold what it looks for.
    forbidden = re.compile("|".join(("/opt" + "/fb", "/work" + "/main", "pypi" + r"\.org/simple")))
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.is_file() and path.stat().st_size < 1_000_000:
            text = path.read_bytes().decode("utf-8", errors="ignore")
            assert not forbidden.search(text), name


def test_warnings_are_errors_where_ours_are_to_blame() -> None:
    kinds = (DeprecationWarning, FutureWarning, UserWarning, SyntaxWarning)
    for module in ("fbdeploy.cli.app", "export.onnx", "quantize", *PACKAGES):
        for kind in kinds:
            with pytest.raises(kind):
                warnings.warn_explicit("ours", kind, "x.py", 1, module=module)
    for module in ("torch.jit._script", "zooming", "PIL.Image"):
        warnings.warn_explicit("theirs", DeprecationWarning, "x.py", 1, module=module)
    told = "numbers are odd.\nLook. (Triggered internally at /__w/torch/x.cpp:8.)"
    warnings.warn_explicit(told, UserWarning, "x.py", 1, module="quantize.ptq")
