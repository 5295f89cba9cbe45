"""What an APK's native libraries need of a device: page size, processors.

python android_demo/ci/apk_inspection.py build/android/demo-debug.apk
"""

from __future__ import annotations

import struct
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

PT_LOAD = 1


@dataclass(frozen=True)
class NativeLibrary:
    """One library: ``segments`` is the smallest p_align of its PT_LOAD segments, in bytes.

    ``offset`` is where its bytes start in the APK; ``stored`` is false if they are compressed, so
    that it cannot be mapped from there.
    """

    name: str
    segments: int
    offset: int
    stored: bool

    def fits(self, page: int) -> bool:
        """Whether a device with pages of that many bytes can map it from the APK."""
        return self.segments % page == 0 and self.stored and self.offset % page == 0


def native_libraries(apk: Path) -> list[NativeLibrary]:
    """All ``lib/ABI/*.so`` of an APK."""
    with zipfile.ZipFile(apk) as archive, apk.open("rb") as stream:
        return [
            NativeLibrary(
                info.filename,
                load_alignment(archive.read(info)),
                data_offset(stream.seek(info.header_offset), stream.read(30)),
                info.compress_type == zipfile.ZIP_STORED,
            )
            for info in archive.infolist()
            if info.filename.endswith(".so")
        ]


def data_offset(header_offset: int, header: bytes) -> int:
    """Where an entry's bytes start, by its local header, whose extra field has its own length."""
    name, extra = struct.unpack_from("<HH", header, 26)
    return header_offset + 30 + int(name) + int(extra)


def load_alignment(elf: bytes) -> int:
    """Smallest p_align, in bytes, of the PT_LOAD segments of a little-endian ELF64 library."""
    if elf[:6] != b"\x7fELF\x02\x01":
        raise ValueError("no little-endian ELF64 library")
    (table,) = struct.unpack_from("<Q", elf, 32)
    size, count = struct.unpack_from("<HH", elf, 54)
    headers = [table + index * size for index in range(count)]
    return min(
        int(struct.unpack_from("<Q", elf, at + 48)[0])
        for at in headers
        if struct.unpack_from("<I", elf, at)[0] == PT_LOAD
    )


def main() -> None:
    """One line a library."""
    for library in native_libraries(Path(sys.argv[1])):
        pages = "16 KiB pages" if library.fits(16384) else "4 KiB pages only"
        print(f"{library.name}: segments {library.segments}, at {library.offset}: {pages}")


if __name__ == "__main__":
    main()
