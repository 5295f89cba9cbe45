"""What a user writes: recipes, rules, sweep plans; and the calibration that estimates use."""

from __future__ import annotations

from pathlib import Path

from benchmarks.fuzz.reader import Reader
from fbdeploy.check.rules import load_rules
from fbdeploy.latency.measure import read_latency_model
from fbdeploy.sweep.plan import read_plan
from quantize.recipe import load_recipe
from runtime_bench.emulation.latency_model import LatencyPoint, fit_latency

ROOT = Path(__file__).parents[3]
PLAN = b"""targets = ["local", {address = "arm://cortex-a76", cool_below = 40.5, cores = [4, 5]}]
recipes = ["ptq", "ptq-fast"]
formats = ["onnx"]
precisions = ["fp32", "int8"]
threads = [1, 2]
mode = "quick"
images = 100

[[networks]]
name = "default"

[[networks]]
name = "default"
label = "b"
num_classes = 10
data = "photos"

[networks.input]
size = [64, 96]
mean = [0.5, 0.5, 0.5]
std = [0.25, 0.25, 0.25]
crop_pct = 0.9
"""


def _recipes(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((ROOT / "quantize/recipes").glob("*.toml"))]


def _rules(folder: Path) -> list[bytes]:
    return [(ROOT / "fbdeploy/check/rules.toml").read_bytes()]


def _plan(folder: Path) -> list[bytes]:
    return [PLAN]


def _calibration(folder: Path) -> list[bytes]:
    points = [
        LatencyPoint(network=f"n{i}", cycles=i * 1e6, milliseconds=i * 0.7) for i in (1, 2, 3)
    ]
    return [fit_latency("phone", "cortex-a76", points).model_dump_json().encode()]


def _estimate(path: Path) -> None:
    read_latency_model(path).estimate(1e8)


READERS = (
    Reader("recipe", _recipes, "x.toml", lambda path: load_recipe(str(path))),
    Reader("rules", _rules, "x.toml", load_rules),
    Reader("sweep plan", _plan, "x.toml", lambda path: read_plan(path, {})),
    Reader("calibration.json", _calibration, "x.json", _estimate),
)
