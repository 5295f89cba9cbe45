"""Certificates of our own: openssl agrees with them, and wrong ones are told before any use."""

from __future__ import annotations

import datetime
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from fbdeploy.cluster import keys as making
from fbdeploy.cluster.keys import CA, CERTIFICATE, KEY, check_keys, make_keys
from zoo.errors import InputError


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki") / "keys"
    make_keys(folder)
    return folder


def test_openssl_verifies_the_certificate(keys: Path) -> None:
    told = subprocess.run(
        ["openssl", "verify", "-CAfile", keys / CA, keys / CERTIFICATE],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip().endswith("OK")


def test_nobody_else_reads_the_key_and_the_authoritys_is_not_kept(keys: Path) -> None:
    assert stat.S_IMODE((keys / KEY).stat().st_mode) == 0o600
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    assert sorted(path.name for path in keys.iterdir()) == sorted([CA, CERTIFICATE, KEY])
    assert sum("PRIVATE KEY" in path.read_text() for path in keys.iterdir()) == 1
    check_keys(keys)


def test_keys_are_not_overwritten(keys: Path) -> None:
    before = (keys / KEY).read_bytes()
    with pytest.raises(InputError, match="holds keys already"):
        make_keys(keys)
    assert (keys / KEY).read_bytes() == before


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda folder, other: (folder / CA).unlink(), "cannot be read"),
        (lambda folder, other: (folder / KEY).write_text("none"), "no keys in PEM"),
        (lambda folder, other: shutil.copy(other / CA, folder / CA), "is not signed by"),
        (lambda folder, other: shutil.copy(other / KEY, folder / KEY), "is not that of"),
    ],
)
def test_keys_that_do_not_belong_together(keys: Path, tmp_path: Path, damage, word) -> None:
    make_keys(tmp_path / "other")
    folder = Path(shutil.copytree(keys, tmp_path / "keys"))
    damage(folder, tmp_path / "other")
    with pytest.raises(InputError, match=word):
        check_keys(folder)


@pytest.mark.parametrize(
    ("skew", "valid", "words"),
    [
        (-3, 9, r"keys: begins on 20..-..-.., and this machine's clock says 20..-..-..; set it"),
        (9, -3, r"keys: ended on 20..-..-..; make it"),
    ],
)
def test_keys_of_another_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, skew: int, valid: int, words: str
) -> None:
    """As on a machine whose clock is days behind, or ahead."""
    monkeypatch.setattr(making, "SKEW", datetime.timedelta(days=skew))
    monkeypatch.setattr(making, "VALID_DAYS", valid)
    make_keys(tmp_path / "keys")
    with pytest.raises(InputError, match=words):
        check_keys(tmp_path / "keys")
