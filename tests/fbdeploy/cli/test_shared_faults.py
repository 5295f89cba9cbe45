"""The faults that were found in ../shared/cases: each ends as its case.md says it should."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks.fuzz.reader import Bench
from benchmarks.fuzz.table import READERS
from fbdeploy.check.baseline import baseline_of, write_baseline
from tests.fbdeploy.check.outputs import output
from tests.fbdeploy.cli.in_process import command
from tests.zoo.test_files import tree
from zoo.checkpoints import read_states
from zoo.datasets import batches, open_dataset
from zoo.errors import InputError
from zoo.input_spec import InputSpec

ROOT = Path(__file__).parents[3]
CASES = ROOT.parent / "shared/cases"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="needs ../shared")

MEAN = "0.5,0.5,0.5"
NINES = "9" * 5000
NAME = "a" * 5000


@dataclass(frozen=True)
class Fault:
    """A command line that must end with exit code 2, and a part of its one line."""

    arguments: tuple[object, ...]
    said: str


def refusals(*rows: tuple[str, str]) -> tuple[Fault, ...]:
    """Command lines as text, words apart by spaces; ``''`` is an empty word."""
    return tuple(
        Fault(tuple("" if word == "''" else word for word in line.split(" ")), said)
        for line, said in rows
    )


def _damage(name: str, change: Callable[[Any], None]) -> Callable[[Path], None]:
    """Changes the JSON document ``name`` of the case's folder."""

    def prepare(here: Path) -> None:
        document = json.loads((here / name).read_text())
        change(document)
        (here / name).write_text(json.dumps(document))

    return prepare


def _results_of_bytes(here: Path) -> None:
    (here / "OUT/results.jsonl").write_bytes(b"\xff\xfe\n")


def _results_folder(here: Path) -> None:
    (here / "OUT/results.jsonl").unlink()
    (here / "OUT/results.jsonl").mkdir()


def _flipped_predictions(here: Path) -> None:
    for path in (here / "OUT/predictions").glob("*.npz"):
        content = path.read_bytes()
        path.write_bytes(
            content[:80] + bytes(byte ^ 0x55 for byte in content[80:120]) + content[120:]
        )


def _infinite(here: Path) -> None:
    text = (here / "OUT/manifest.json").read_text()
    infinite = re.sub(r'"seconds": [0-9.]+', '"seconds": 1e999', text, count=1)
    assert infinite != text
    (here / "OUT/manifest.json").write_text(infinite)


def _infinite_result(here: Path) -> None:
    text = (here / "OUT/results.jsonl").read_text()
    (here / "OUT/results.jsonl").write_text(text.replace('"p50":', '"p50":Infinity,"x":', 1))


def _deep(here: Path) -> None:
    (here / "x.json").write_text("[" * 100_000)


def _deep_manifest(here: Path) -> None:
    _deep(here)
    shutil.copy(here / "x.json", here / "OUT/manifest.json")


def _bundle(here: Path) -> None:
    bundle = here / "b/d1/d2/d3/d4"
    bundle.mkdir(parents=True)
    shutil.copy(CASES / "faults/04-bundle-path-traversal/model_config.json", bundle)
    (bundle / "golden.json").write_text("{}")


def _bundle_without_labels(here: Path) -> None:
    next(reader for reader in READERS if "labels" in reader.name).valid(here)
    (here / "bundle/labels.txt").unlink()


def _bundle_with_a_folder(here: Path) -> None:
    _bundle_without_labels(here)
    (here / "bundle/labels.txt").mkdir()


def _bundle_with_bytes(here: Path) -> None:
    _bundle_without_labels(here)
    (here / "bundle/labels.txt").write_bytes(b"\xff\n\xfe\n")


def _spec(**values: object) -> Callable[[Path], None]:
    return _damage("OUT/manifest.json", lambda document: document["input_spec"].update(values))


def _linked(here: Path) -> None:
    (here / "link").symlink_to("base.json")
    (here / "folder-link").symlink_to("d")


def _nothing(here: Path) -> None:
    pass


Case = tuple[Callable[[Path], None], tuple[Fault, ...]]
CHECK = "check OUT --baseline base.json"
BYTES = b"x\xfe".decode(errors="surrogateescape")
NETWORK_OF_BYTES = b"\xfe/m.py:f".decode(errors="surrogateescape")

FAULTS: dict[str, tuple[Case, ...]] = {
    "01-target-dir-deleted": (
        (
            _nothing,
            refusals(
                ("check OUT --write-baseline d", "d: is a folder; name a file"),
                ("check OUT --write-baseline d/", "d/: is a folder; name a file"),
                ("check OUT --write-baseline ..", "..: is a folder; name a file"),
                ("check OUT --write-baseline .", ".: is a folder; name a file"),
                ("check OUT --write-baseline /", "/: is a folder; name a file"),
                (f"{CHECK} --markdown d", "--markdown d: is a folder; name a file"),
                ("calibrate OUT/results.jsonl OUT/results.jsonl --output d", "d: is a folder"),
            ),
        ),
    ),
    "02-target-device-replaced": (
        (
            _nothing,
            refusals(
                ("check OUT --write-baseline /dev/full", "/dev/full: is a device"),
                (f"{CHECK} --markdown /dev/null", "/dev/null: is a device"),
                (f"{CHECK} --markdown /dev/stdout", "/dev/stdout: is a stream"),
            ),
        ),
    ),
    "04-bundle-path-traversal": (
        (_bundle, refusals(("bundle b/d1/d2/d3/d4 --app APP", "leaves the folder"))),
    ),
    "12-json-toml-depth-and-digits": (
        (
            _deep,
            refusals(
                ("check OUT --baseline x.json", "x.json: is nested too deeply"),
                ("import-results x.json --output OUT", "x.json: is nested too deeply"),
                (f"{CHECK} --rules CASE/r_deep.toml", "r_deep.toml: is nested too deeply"),
                ("sweep CASE/s_deep.toml", "s_deep.toml: is nested too deeply"),
                ("deploy --recipe CASE/r-hugeint.toml", "r-hugeint.toml: is not TOML"),
                ("sensitivity --recipe CASE/r-hugeint.toml", "r-hugeint.toml: is not TOML"),
            ),
        ),
        (_deep_manifest, refusals((CHECK, "manifest.json: is nested too deeply"))),
    ),
    "13-results-jsonl": (
        (_results_of_bytes, refusals((CHECK, "results.jsonl:1: is not JSON"))),
        (_results_folder, refusals((CHECK, "results.jsonl: cannot be read (Is a directory)"))),
    ),
    "14-option-digits": (
        (
            _nothing,
            refusals(
                ("deploy --images ²", "--images ²: is no number of images"),
                ("deploy --input-size ²", "--input-size ²: is no size"),
                (f"deploy --images {NINES}", "is longer than 4096 bytes"),
                (f"deploy --images {'9' * 4000}", "is no number of images"),
                (f"bench file --threads {NINES}", "--threads 999"),
                (f"bench file --target ssh://a:{'9' * 4000}", "--target ssh://a:999"),
                ("bench file --target ssh://a:٢٢", "--target ssh://a:٢٢: "),
                ("evaluate file --images ²", "--images ²"),
                ("sensitivity --images ٣", "--images ٣"),
                ("sweep --networks default --images ²", "--images ²"),
            ),
        ),
    ),
    "15-nan-options": (
        (
            _nothing,
            refusals(
                ("evaluate file --mean nan,nan,nan", "--mean nan,nan,nan: is no number"),
                ("evaluate file --std nan,nan,nan", "--std nan,nan,nan: is no number"),
                ("evaluate file --std inf,inf,inf", "--std inf,inf,inf: is no number"),
                ("evaluate file --mean inf,0,0", "--mean inf,0,0: is no number"),
                ("evaluate file --crop-pct 1e-300", "--crop-pct 1e-300: is out of range"),
                ("evaluate file --crop-pct 1e-5", "--crop-pct 1e-5: is out of range"),
                ("bench file --cool-below nan", "--cool-below nan: is no number"),
                ("bench file --cool-below -300", "--cool-below -300: is out of range"),
            ),
        ),
    ),
    "16-threads-huge": (
        (
            _nothing,
            refusals(
                ("evaluate file --threads 2147483648", "--threads 2147483648: is out of range"),
                ("evaluate file --threads 1000000", "--threads 1000000: is out of range"),
                ("sensitivity --threads 99999999999", "--threads 99999999999: is out of range"),
                ("deploy --threads 1e300", "--threads 1e300: is no whole number"),
                ("bench file --threads 1,1024", "--threads 1024: this machine takes at most"),
            ),
        ),
    ),
    "17-paths-stat": (
        (
            _nothing,
            refusals(
                *((f"{one} {NAME}", "aaa") 
                  for one in ("inspect", "evaluate", "bench", "zoo", "sweep")),
                (f"bundle {NAME} --app APP", "aaa"),
                (f"calibrate {NAME} file", "aaa"),
                *((f"deploy --{one} {NAME}", f"--{one} aaa")
                  for one in ("recipe", "weights", "calibration", "output")),
                *((f"deploy --{one} {'a' * 300}", "cannot be")
                  for one in ("recipe", "weights", "calibration", "output")),
                (f"runner build --output {NAME}", "--output aaa"),
            ),
        ),
    ),
    "19-bundle-labels": (
        (_bundle_without_labels,
         refusals(("bundle bundle --app APP", "labels.txt: cannot be read"))),
        (_bundle_with_a_folder,
         refusals(("bundle bundle --app APP", "labels.txt: cannot be read (Is a directory)"))),
        (_bundle_with_bytes, refusals(("bundle bundle --app APP", "labels.txt: is not UTF-8"))),
    ),
    "20-predictions-npz": ((_flipped_predictions, refusals((CHECK, "holds no predictions"))),),
    "21-app-results-inf": (
        (
            _nothing,
            refusals(
                ("import-results CASE/im_infload.json --output OUT", "im_infload.json: "),
                ("import-results CASE/im_1e308.json --output OUT", "im_1e308.json: "),
            ),
        ),
    ),
    "22-baseline-numbers": (
        (
            _nothing,
            refusals(
                ("check OUT --baseline CASE/bm_images-huge2.json", "bm_images-huge2.json: "),
                ("check OUT --baseline CASE/bm_surrogate.json", "bm_surrogate.json: "),
                (f"{CHECK} --rules CASE/r_hugeint2.toml", "r_hugeint2.toml: "),
            ),
        ),
    ),
    "23-report-inf": (
        (_infinite, refusals((CHECK, "manifest.json: is not JSON"))),
        (_infinite_result, refusals((CHECK, "results.jsonl:"))),
    ),
    "25-paths-no-utf8": (
        (
            _nothing,
            (
                Fault(("deploy", "--data", BYTES, "--output", "o"), "--data x\\xfe: is not UTF-8"),
                Fault(("deploy", NETWORK_OF_BYTES), "\\xfe/m.py:f: is not UTF-8"),
                Fault(("sweep", "--networks", NETWORK_OF_BYTES), "is not UTF-8"),
            ),
        ),
    ),
    "27-binary-tool": (
        (
            lambda here: (here / "model.tflite").write_bytes(b"model") and None,
            refusals(
                ("bench model.tflite --binary /bin/true --cores 99999999999999", "--cores 9999"),
                ("bench model.tflite --binary CASE/inf.sh --mode quick", "--binary: did not print"),
            ),
        ),
    ),
    "28-result-lost-at-the-end": (
        (
            _nothing,
            refusals(
                ("sensitivity CASE/cls.py:f --calibration d --output file", "file: is a file"),
                ("bench file --mode quick --results d", "--results d: is a folder"),
            ),
        ),
    ),
    "29-symlink-targets": (
        (_linked, refusals(("check OUT --write-baseline folder-link", "is a folder; name a file"))),
    ),
    "31-manifest-input-spec": tuple(
        (_spec(**values), refusals(("evaluate OUT/int8/model.onnx --data d", said)))
        for values, said in (
            ({"height": 0}, "input_spec.height"),
            ({"std": [0, 0, 0]}, "input_spec.std.0"),
            ({"crop_pct": 0}, "input_spec.crop_pct"),
            ({"crop_pct": -1}, "input_spec.crop_pct"),
            ({"crop_pct": float("nan")}, "is not JSON"),
            ({"width": 10**9}, "input_spec.width"),
        )
    ),
    "33-empty-path": (
        (
            _nothing,
            refusals(
                ("evaluate file --data ''", "--data is empty"),
                ("evaluate file --calibration ''", "No such option"),
                ("deploy --calibration ''", "--calibration is empty"),
                ("deploy --output ''", "--output is empty"),
                ("evaluate ''", "ARTEFACT is empty"),
                ("check ''", "OUT is empty"),
            ),
        ),
    ),
}  # fmt: skip

ELSEWHERE = {
    "03-torchscript-runs-on-load": "tests/runtime_bench/runtimes/test_guest.py",
    "05-image-runs-ghostscript": "a reader, below",
    "06-checkpoint-loop": "a reader, below",
    "07-tall-image": "a reader, below",
    "08-forked-child-hangs": "tests/fbdeploy/pipeline/workers",
    "09-pte-segfault": "tests/runtime_bench/runtimes/test_guest.py",
    "10-disk-full-safetensors": "tests/fbdeploy/pipeline/workers",
    "11-finished-program-lost": "tests/fbdeploy/pipeline/test_deploy.py",
    "18-atomic-path-finally": "tests/zoo/test_files.py, test_paths_matrix.py",
    "24-user-module-types": "tests/zoo/test_user_network.py",
    "26-stdout": "test_streams.py",
    "30-resumed-program-json": "tests/fbdeploy/pipeline/test_stages.py",
    "32-user-module-stdin": "tests/fbdeploy/pipeline/workers",
}
"""Cases that take more than a command line with its answer, and where they are tried."""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with a deployment, its baseline, an app, and something precious."""
    folder = tmp_path / "w" / "cw"
    folder.mkdir(parents=True)
    output().write(folder / "OUT")
    (folder / "OUT/int8").mkdir()
    (folder / "OUT/int8/model.onnx").write_bytes(b"model")
    write_baseline(folder / "base.json", baseline_of(folder / "OUT"))
    shutil.copytree(folder / "OUT", tmp_path / "whole")
    (folder / "d").mkdir()
    (folder / "d/keep").write_text("precious")
    (folder / "file").write_text("precious")
    (folder / "APP").mkdir()
    (folder / "APP/settings.gradle.kts").write_text("precious")
    (tmp_path / "w/precious").write_text("precious")
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_one_line_and_changes_nothing(
    name: str, here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for prepare, faults in FAULTS[name]:
        for left in ("OUT", "bundle", "app"):
            shutil.rmtree(here / left, ignore_errors=True)
        shutil.copytree(here.parents[1] / "whole", here / "OUT")
        prepare(here)
        before = tree(here.parent)
        for fault in faults:
            arguments = [
                str(one).replace("CASE/", f"{CASES}/faults/{name}/") for one in fault.arguments
            ]
            line = command(capfd, *arguments).line
            assert fault.said in line, (arguments, line)
            document = json.loads(command(capfd, *arguments, "--json").out)
            assert document["error"]["exit"] == 2
            assert fault.said in document["error"]["message"]
            assert tree(here.parent) == before, arguments


def test_every_case_is_tried() -> None:
    found = {path.name for path in (CASES / "faults").iterdir() if path.is_dir()}
    assert found <= set(FAULTS) | set(ELSEWHERE), found - set(FAULTS) - set(ELSEWHERE)


@pytest.mark.parametrize("name", ["05-image-runs-ghostscript/eps", "07-tall-image/tall"])
def test_a_picture_is_refused_by_its_reader(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no other program is started for it."""
    called = tmp_path / "called"
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {called}\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(InputError):
        list(batches(open_dataset(CASES / "faults" / name), InputSpec(64, 64)))
    assert not called.exists()


def test_a_checkpoint_is_refused_by_its_reader() -> None:
    with pytest.raises(InputError):
        read_states(CASES / "faults/06-checkpoint-loop/selfref.pth")


def test_a_linked_file_is_written_through(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """29: the link stays and what it names is the new baseline."""
    Path("real.json").write_text("old")
    Path("link.json").symlink_to("real.json")
    assert command(capfd, "check", "OUT", "--write-baseline", "link.json").code == 0
    assert Path("link.json").is_symlink()
    assert json.loads(Path("real.json").read_text())["schema_version"] == 1


FUZZED = {
    "app_results_import+report": "app results",
    "baseline+compare": "baseline.json",
    "bundle_config": "bundle, model_config.json",
    "bundle_labels": "bundle, labels.txt",
    "manifest+report": "manifest.json, report",
    "manifest-baseline_of": "manifest.json, baseline",
    "predictions_npz": "predictions/*.npz",
    "recipe": "recipe",
    "results-baseline_of+compare": "results.jsonl, baseline",
    "results.read_lines+report": "results.jsonl, report",
    "results.read_measurements": "results.jsonl, bench",
    "rules": "rules",
    "sweep_plan": "sweep plan",
    "labels.csv": "labels.csv",
    "safetensors": "weights.safetensors",
}
"""The reader of each fuzzed file, by the beginning of the file's name."""


def _reader_of(path: Path) -> str:
    return FUZZED[max((one for one in FUZZED if path.name.startswith(one)), key=len)]


@pytest.mark.parametrize("reader", sorted(set(FUZZED.values())))
def test_fuzzed_files(reader: str, tmp_path: Path) -> None:
    files = [path for path in (CASES / "fuzz").iterdir() if _reader_of(path) == reader]
    assert files
    bench = Bench.of(next(one for one in READERS if one.name == reader), tmp_path)
    for path in files:
        bench.refusal(path.read_bytes())  # raises what is no line


def test_mistakes_are_told_in_two_seconds_of_processor_time(here: Path) -> None:
    """And once, before torch or timm are imported."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for words in (
        ["zoo", "fbnetv9"],
        ["deploy", "fbnetv9", "--data", "d", "--calibration", "d"],
        ["deploy", "--data", "nowhere"],
        ["deploy", "--weights", "none.pth", "--data", "d", "--calibration", "d"],
        ["sensitivity", "no.py:f", "--calibration", "d"],
        ["sweep", "--networks", "fbnetv9", "--data", "d", "--calibration", "d"],
    ):
        before = os.times()
        done = subprocess.run(
            [sys.executable, "-P", "-m", "fbdeploy", *words],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        after = os.times()
        assert done.returncode == 2, done.stderr
        assert len(done.stderr.splitlines()) == 1, done.stderr
        user, system = after.children_user, after.children_system
        assert user + system - before.children_user - before.children_system < 2
