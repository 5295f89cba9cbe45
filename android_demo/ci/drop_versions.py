"""Lets an ELF64 library built for Android bind to glibc: its symbol versions are dropped, in place.

Android's libc versions its symbols ``LIBC``, glibc ``GLIBC_2.x``, so nothing would match. Every
versioned symbol becomes unversioned (VER_NDX_GLOBAL: bind by name alone), and every needed version
weak (VER_FLG_WEAK: its absence is no error). ELF gABI, chapter "Symbol Versioning".

    python drop_versions.py FILE.so
"""

import re
import struct
import subprocess
import sys
from pathlib import Path

VER_FLG_WEAK = 2
VER_NDX_GLOBAL = 1


def section(library: Path, name: str) -> tuple[int, int]:
    """File offset and size in bytes of a section."""
    listing = subprocess.check_output(["readelf", "-SW", library], text=True)
    match = re.search(rf"{re.escape(name)}\s+\w+\s+\w+\s+(\w+)\s+(\w+)", listing)
    if match is None:
        raise SystemExit(f"{library}: has no section {name}")
    return int(match[1], 16), int(match[2], 16)


def drop_versions(library: Path) -> None:
    """Rewrite the file."""
    image = bytearray(library.read_bytes())
    start, size = section(library, ".gnu.version")
    for offset in range(start, start + size, 2):
        if struct.unpack_from("<H", image, offset)[0] > VER_NDX_GLOBAL:
            struct.pack_into("<H", image, offset, VER_NDX_GLOBAL)
    need, _ = section(library, ".gnu.version_r")
    while True:
        _, count, _, aux, following = struct.unpack_from("<HHIII", image, need)
        entry = need + aux
        for _ in range(count):
            struct.pack_into("<H", image, entry + 4, VER_FLG_WEAK)
            entry += struct.unpack_from("<I", image, entry + 12)[0]
        if not following:
            break
        need += following
    library.write_bytes(image)


if __name__ == "__main__":
    drop_versions(Path(sys.argv[1]))
