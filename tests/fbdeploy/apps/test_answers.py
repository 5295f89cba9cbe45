"""Deployments whose answers the apps do not show."""

from __future__ import annotations

from pathlib import Path

import pytest

from fbdeploy.apps.installing import install_bundle
from fbdeploy.records.manifest import write_manifest
from tests.fbdeploy.samples import sample
from zoo.errors import InputError


def test_a_detector_s_folder_says_why_it_has_no_bundle(tmp_path: Path) -> None:
    manifest, _ = sample()
    network = manifest.network.model_copy(update={"task": "detection"})
    write_manifest(tmp_path, manifest.model_copy(update={"network": network}))
    with pytest.raises(InputError, match="for detection, whose answers the apps do not show"):
        install_bundle(tmp_path, tmp_path)
