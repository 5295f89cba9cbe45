from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from runtime_bench.emulation.debian import DebianArchive
from runtime_bench.machine.cache import cache_lock
from runtime_bench.machine.commands import require_tool, run_tool
from runtime_bench.machine.wheels import pinned_versions, unpack_wheels
from runtime_bench.runners.build import SOURCES, build_kit
from runtime_bench.runners.kit import NATIVE_RUNNERS, RunnerKit, open_kit
from tests.runtime_bench.device_fixtures import REPOSITORY, need
from zoo.errors import InputError


def test_versions_are_those_of_this_machine() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    extras = [one for extra in project["optional-dependencies"].values() for one in extra]
    pins = dict(one.split("==") for one in (*project["dependencies"], *extras) if "==" in one)
    for name in ("executorch", "onnxruntime"):
        assert pinned_versions("wheels-aarch64.txt")[name] == pins[name]
    assert pinned_versions("wheels-aarch64-python.txt")["ai-edge-litert"] == pins["ai-edge-litert"]


def test_the_kit_holds_what_its_programs_need(kit: RunnerKit) -> None:
    need("aarch64-linux-gnu-readelf")
    assert kit.manifest.architecture == "aarch64"
    for runner in NATIVE_RUNNERS.values():
        names = {Path(name).name for name in runner.files}
        for file in runner.files:
            text = run_tool(["aarch64-linux-gnu-readelf", "-hd", kit.folder / file], file)
            assert "AArch64" in text
            needed = set(re.findall(r"NEEDED.*\[(.*?)\]", text))
            assert needed <= names, (file, needed - names)


def test_devices_with_pages_of_16_kib_can_load_the_kit(kit: RunnerKit) -> None:
    """As Android 15 and later may have: every segment begins at a multiple of that."""
    need("aarch64-linux-gnu-readelf")
    files = {file for runner in NATIVE_RUNNERS.values() for file in runner.files}
    for file in sorted(files):
        text = run_tool(["aarch64-linux-gnu-readelf", "-lW", kit.folder / file], file)
        aligned = [int(found, 16) for found in re.findall(r"^ +LOAD .* (0x[0-9a-f]+)$", text, re.M)]
        assert aligned and all(one % 16384 == 0 for one in aligned), (file, aligned)


def test_builds_repeat_and_replace_only_kits(kit: RunnerKit, cache: Path, tmp_path: Path) -> None:
    place = tmp_path / "my kit"
    with cache_lock(cache):
        first = build_kit(place, cache)
        again = build_kit(place, cache)
    assert first.manifest == again.manifest == kit.manifest
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="holds other files"):
        build_kit(other, cache)
    assert (other / "thesis.txt").exists()


def test_damaged_and_missing_kits_are_refused(kit: RunnerKit, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"bundle\.json: cannot be read.*fbdeploy runner build"):
        open_kit(tmp_path)
    copy = tmp_path / "copy"
    shutil.copytree(kit.folder, copy)
    with (copy / "bin/executorch_runner").open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(InputError, match="executorch_runner: is missing or not what was built"):
        open_kit(copy)


def test_formats(kit: RunnerKit) -> None:
    assert set(kit.files("litert")) == {"python/python_runner.py"}
    with pytest.raises(InputError, match="coreml: no runner on devices"):
        kit.files("coreml")


def test_a_wheel_with_another_hash_is_refused(
    kit: RunnerKit, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (REPOSITORY / "runtime_bench/machine/wheels-aarch64.txt").read_text()
    (tmp_path / "wheels.txt").write_text(text.replace("sha256:8", "sha256:9"))
    monkeypatch.setattr(
        "runtime_bench.machine.wheels.requirements_file", lambda name: tmp_path / name
    )
    with pytest.raises(InputError, match=r"wheels.txt: aarch64 wheels: python.* failed"):
        unpack_wheels("wheels.txt", "3.11", tmp_path / "into", cache / "downloads")
    assert not (tmp_path / "into").exists()


def test_tools_that_are_missing_or_fail_are_one_line() -> None:
    with pytest.raises(InputError, match=r"nonexistent-tool: not found.*apt-get install some"):
        require_tool("nonexistent-tool", "some")
    with pytest.raises(InputError, match=r"listing: ls failed: .*No such file"):
        run_tool(["ls", "/nonexistent"], "listing")


def test_slots_of_onnxruntime_are_those_of_its_header(
    kit: RunnerKit, cache: Path, tmp_path: Path
) -> None:
    need("gcc", "apt-get", "dpkg-deb")
    package = cache / "libonnxruntime-dev"
    with cache_lock(cache):
        if not package.exists():
            archive = DebianArchive("trixie", "arm64", cache / "apt-trixie-arm64")
            archive.update()
            archive.unpack(["libonnxruntime-dev"], package)
    (header,) = package.rglob("onnxruntime_c_api.h")
    enumeration = (SOURCES / "onnxruntime_abi.h").read_text().partition("enum OrtSlot {")[2]
    slots = dict(re.findall(r"(\w+) = (\d+)", enumeration))
    assert len(slots) > 20
    program = tmp_path / "slots.c"
    program.write_text(
        "#include <onnxruntime_c_api.h>\n#include <stddef.h>\n"
        + "".join(
            f'_Static_assert(offsetof(OrtApi, {name}) == {slot} * sizeof(void *), "{name}");\n'
            for name, slot in slots.items()
        )
    )
    subprocess.run(
        ["gcc", "-fsyntax-only", f"-I{header.parent}", str(program)], check=True, timeout=60
    )
