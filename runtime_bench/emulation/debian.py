"""Debian packages of another architecture and release, unpacked without installing them.

apt runs on a private state and package cache, so nothing on the machine changes; the mirror and
the archive keys are those of the machine's own apt.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from runtime_bench.machine.commands import require_tool, run_tool
from zoo.errors import InputError
from zoo.files import atomic_folder

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

_CONFIGURATION = """\
Dir::State "{folder}/state";
Dir::State::status "{folder}/state/status";
Dir::Cache "{folder}/cache";
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::parts "{folder}/parts";
APT::Architecture "{architecture}";
APT::Architectures {{"{architecture}";}};
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Languages "none";
"""


class DebianArchive:
    """The packages of one release and architecture, reached through a private apt."""

    def __init__(self, release: str, architecture: str, folder: Path) -> None:
        """Prepare the private apt in ``folder``; ``update`` reads the package lists.

        Raises:
            InputError: the machine has no apt, no Debian mirror or no archive keys.
        """
        self.apt = require_tool("apt-get", "apt")
        self.dpkg = require_tool("dpkg-deb", "dpkg")
        self.folder = folder.absolute()
        self.release, self.architecture = release, architecture
        if not KEYRING.exists():
            raise InputError(f"{KEYRING}: not found; apt-get install debian-archive-keyring")
        for part in ("state/lists/partial", "cache/archives/partial", "parts"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        (self.folder / "state/status").touch()
        (self.folder / "sources.list").write_text(
            f"deb [signed-by={KEYRING} arch={architecture}] {self._mirror()} {release} main\n"
        )
        text = _CONFIGURATION.format(folder=self.folder, architecture=architecture)
        (self.folder / "apt.conf").write_text(text)
        self.environment = {**os.environ, "APT_CONFIG": str(self.folder / "apt.conf")}

    def _mirror(self) -> str:
        arguments = ["indextargets", "--format", "$(SITE) $(ORIGIN)", "Created-By: Packages"]
        sites = run_tool([self.apt, *arguments], "the machine's package lists").splitlines()
        for site in sorted(set(sites), key=len):
            if site.endswith(" Debian"):
                return site.split()[0]
        raise InputError("apt: lists no Debian mirror; run apt-get update on a Debian machine")

    def update(self) -> None:
        """Read the release's package lists (10 MB for main)."""
        run_tool([self.apt, "update", "-qq"], f"Debian {self.release} lists", env=self.environment)

    def with_dependencies(self, packages: Sequence[str]) -> list[str]:
        """The packages and all they depend on, as ``name=version``."""
        text = run_tool(
            [self.apt, "install", "--simulate", "-qq", *packages],
            f"Debian {self.release} dependencies",
            env=self.environment,
        )
        return [
            f"{name}={version}"
            for name, version in re.findall(r"^Inst (\S+) \((\S+) ", text, flags=re.MULTILINE)
        ]

    def unpack(self, packages: Sequence[str], into: Path) -> None:
        """Download the packages (no dependencies) and unpack all of them into ``into``.

        Raises:
            InputError: no network, or a package that the release does not have.
        """
        downloads = self.folder / "packages"
        shutil.rmtree(downloads, ignore_errors=True)
        downloads.mkdir()
        run_tool(
            [self.apt, "download", "-qq", *packages],
            f"Debian {self.release} packages",
            cwd=downloads,
            env=self.environment,
        )
        with atomic_folder(into, ()) as folder:
            folder.mkdir()
            # A merged /usr, as in an installed system: packages carry paths of both forms.
            for name in ("bin", "sbin", "lib"):
                (folder / "usr" / name).mkdir(parents=True)
                (folder / name).symlink_to(f"usr/{name}")
            for package in sorted(downloads.glob("*.deb")):
                # tar, not dpkg-deb -x: the latter replaces the links by folders.
                with subprocess.Popen(
                    [self.dpkg, "--fsys-tarfile", package], stdout=subprocess.PIPE
                ) as reader:
                    run = subprocess.run(
                        ["tar", "--extract", "--keep-directory-symlink", "-C", folder],
                        stdin=reader.stdout,
                        capture_output=True,
                        text=True,
                    )
                if run.returncode or reader.returncode:
                    raise InputError(f"{package}: cannot be unpacked ({run.stderr.strip()})")
