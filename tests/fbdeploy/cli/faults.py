"""Command lines that end with exit code 2 and one line, by the case they were found in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.fbdeploy.cli.damaged_folders import (
    bundle,
    bundle_with_a_folder,
    bundle_with_bytes,
    bundle_without_labels,
    flipped_predictions,
    infinite_manifest,
    infinite_result,
    manifest_nested_deeply,
    nested_deeply,
    nothing,
    results_folder,
    results_of_bytes,
    with_input_spec,
    with_links,
)

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


Case = tuple[Callable[[Path], None], tuple[Fault, ...]]
CHECK = "check OUT --baseline base.json"
BYTES = b"x\xfe".decode(errors="surrogateescape")
NETWORK_OF_BYTES = b"\xfe/m.py:f".decode(errors="surrogateescape")

FAULTS: dict[str, tuple[Case, ...]] = {
    "01-target-dir-deleted": (
        (
            nothing,
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
            nothing,
            refusals(
                ("check OUT --write-baseline /dev/full", "/dev/full: is a device"),
                (f"{CHECK} --markdown /dev/null", "/dev/null: is a device"),
                (f"{CHECK} --markdown /dev/stdout", "/dev/stdout: is a stream"),
            ),
        ),
    ),
    "04-bundle-path-traversal": (
        (bundle, refusals(("bundle b/d1/d2/d3/d4 --app APP", "leaves the folder"))),
    ),
    "12-json-toml-depth-and-digits": (
        (
            nested_deeply,
            refusals(
                ("check OUT --baseline x.json", "x.json: is nested too deeply"),
                ("import-results x.json --output OUT", "x.json: is nested too deeply"),
                (f"{CHECK} --rules CASE/r_deep.toml", "r_deep.toml: is nested too deeply"),
                ("sweep CASE/s_deep.toml", "s_deep.toml: is nested too deeply"),
                ("deploy --recipe CASE/r-hugeint.toml", "r-hugeint.toml: is not TOML"),
                ("sensitivity --recipe CASE/r-hugeint.toml", "r-hugeint.toml: is not TOML"),
            ),
        ),
        (manifest_nested_deeply, refusals((CHECK, "manifest.json: is nested too deeply"))),
    ),
    "13-results-jsonl": (
        (results_of_bytes, refusals((CHECK, "results.jsonl:1: is not JSON"))),
        (results_folder, refusals((CHECK, "results.jsonl: cannot be read (Is a directory)"))),
    ),
    "14-option-digits": (
        (
            nothing,
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
            nothing,
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
            nothing,
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
            nothing,
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
        (bundle_without_labels,
         refusals(("bundle bundle --app APP", "labels.txt: cannot be read"))),
        (bundle_with_a_folder,
         refusals(("bundle bundle --app APP", "labels.txt: cannot be read (Is a directory)"))),
        (bundle_with_bytes, refusals(("bundle bundle --app APP", "labels.txt: is not UTF-8"))),
    ),
    "20-predictions-npz": ((flipped_predictions, refusals((CHECK, "holds no predictions"))),),
    "21-app-results-inf": (
        (
            nothing,
            refusals(
                ("import-results CASE/im_infload.json --output OUT", "im_infload.json: "),
                ("import-results CASE/im_1e308.json --output OUT", "im_1e308.json: "),
            ),
        ),
    ),
    "22-baseline-numbers": (
        (
            nothing,
            refusals(
                ("check OUT --baseline CASE/bm_images-huge2.json", "bm_images-huge2.json: "),
                ("check OUT --baseline CASE/bm_surrogate.json", "bm_surrogate.json: "),
                (f"{CHECK} --rules CASE/r_hugeint2.toml", "r_hugeint2.toml: "),
            ),
        ),
    ),
    "23-report-inf": (
        (infinite_manifest, refusals((CHECK, "manifest.json: is not JSON"))),
        (infinite_result, refusals((CHECK, "results.jsonl:"))),
    ),
    "25-paths-no-utf8": (
        (
            nothing,
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
            nothing,
            refusals(
                ("sensitivity CASE/cls.py:f --calibration d --output file", "file: is a file"),
                ("bench file --mode quick --results d", "--results d: is a folder"),
            ),
        ),
    ),
    "29-symlink-targets": (
        (
            with_links,
            refusals(("check OUT --write-baseline folder-link", "is a folder; name a file")),
        ),
    ),
    "31-manifest-input-spec": tuple(
        (with_input_spec(**values), refusals(("evaluate OUT/int8/model.onnx --data d", said)))
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
            nothing,
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
