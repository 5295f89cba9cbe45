"""``fbdeploy sensitivity`` on the embedded default network, with few images."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fbdeploy.cli.app import run
from fbdeploy.pipeline.deploy import on_this_machine
from fbdeploy.pipeline.image_sources import images_for
from fbdeploy.pipeline.sensitivity import SensitivityRequest
from fbdeploy.pipeline.sensitivity_parts import measure_in_parts
from fbdeploy.pipeline.spread import Spread
from fbdeploy.pipeline.workers.jobs import Event, Job
from fbdeploy.pipeline.workers.runner import Place, Slots
from fbdeploy.records.manifest import write_manifest
from fbdeploy.records.sensitivity import FILE_NAME, SensitivityDocument
from tests.fbdeploy.samples import sample


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of one run beside a deployment of the same network, with its answer as JSON."""
    made = tmp_path_factory.mktemp("sensitivity")
    recipe = made / "recipe.toml"
    recipe.write_text('name = "little"\n[calibration]\nimages = 32\nheld_out = 0\n')
    arguments = ["sensitivity", "--recipe", str(recipe), "--images", "4", "--output", str(made)]
    assert run([*arguments, "--threads", "1"]) == 0
    return made


def _found(folder: Path) -> SensitivityDocument:
    return SensitivityDocument.model_validate_json((folder / FILE_NAME).read_text())


def test_every_layer_of_the_default_is_ranked(folder: Path) -> None:
    found = _found(folder)
    assert (found.network, found.recipe, found.images) == ("default", "little", 4)
    assert {"stages.0.0.conv", "classifier"} <= {row.layer for row in found.layers}
    damage = [row.kl_alone for row in found.layers]
    assert damage == sorted(damage, reverse=True) and damage[0] > 0
    assert sorted(row.position for row in found.layers) == list(range(1, len(damage) + 1))
    assert sum(row.macs_share for row in found.layers) == pytest.approx(1)


def test_what_is_printed(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The table and the JSON of a second run, which shows itself in a deployment's report."""
    found, (manifest, _) = _found(folder), sample()
    weights = manifest.weights.model_copy(update={"sha256": found.weights_sha256})
    spec = replace(manifest.input_spec, height=found.height, width=found.width)
    changes = {"weights": weights, "input_spec": spec, "artefacts": ()}
    write_manifest(folder, manifest.model_copy(update=changes))
    arguments = ["sensitivity", "--recipe", str(folder / "recipe.toml"), "--images", "4"]
    assert run([*arguments, "--threads", "1", "--output", str(folder), "--json"]) == 0
    out, err = capfd.readouterr()
    answer = SensitivityDocument.model_validate(json.loads(out))
    assert answer == _found(folder)
    assert answer.layers == found.layers  # the same images give the same numbers
    assert err.splitlines()[0] == "reading calibration images"
    assert "Layers that int8 disturbs most" in (folder / "report.html").read_text()


class Nobody:
    """An observer that says nothing."""

    def started(self, job: Job) -> None:
        pass

    def event(self, job: Job, event: Event) -> None:
        pass

    def note(self, text: str) -> None:
        pass


def test_layers_ranked_by_several_jobs_have_the_same_figures(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a program that was stored and read again."""
    monkeypatch.setenv("FBDEPLOY_CACHE", str(tmp_path))
    request = SensitivityRequest(
        network="default",
        calibration=images_for("default", None, None, "calibration"),
        recipe=str(folder / "recipe.toml"),
        images=4,
        threads=1,
    )
    place = Place(on_this_machine, slots=lambda threads: Slots(2))
    found = measure_in_parts(request, Spread(place, Nobody()))
    as_it_was = _found(folder)
    changes = {"created": as_it_was.created, "seconds": as_it_was.seconds}
    assert found.model_copy(update=changes) == as_it_was
    assert not list((tmp_path / "parts").iterdir())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--images", "0"], "--images 0: is no number of images"),
        (["fbnetc_100"], "fbnetc_100: --calibration is missing"),
        (["--calibration", "nowhere"], "nowhere: no such folder"),
        (["--recipe", "none.toml"], "none.toml: no such recipe"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["sensitivity", *arguments]) == 2
    out, err = capfd.readouterr()
    assert out == "" and len(err.splitlines()) == 1 and said in err
