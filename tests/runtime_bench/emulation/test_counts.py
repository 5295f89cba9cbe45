from __future__ import annotations

from pathlib import Path

import pytest

from runtime_bench.emulation.counts import Block, read_regions
from zoo.errors import InputError

TEXT = """region -1
1000 7 d503201f
end -1
region 0
4000 3 d503201fd65f03c0
5000 100 d503201f
end 0
region 1
4000 1 d65f03c0
end 1
"""


def test_regions_are_read_and_the_uncounted_left_out(tmp_path: Path) -> None:
    path = tmp_path / "counts.txt"
    path.write_text(TEXT)
    regions = read_regions(path)
    assert list(regions) == [0, 1]
    assert regions[0].blocks[0] == Block(0x4000, 3, (0xD503201F, 0xD65F03C0))
    assert regions[0].instructions == 106
    assert [block.address for block in regions[0].hottest(1)] == [0x5000]
    assert list(read_regions(path, wanted=[1])) == [1]


def test_a_run_that_died_is_told(tmp_path: Path) -> None:
    path = tmp_path / "counts.txt"
    path.write_text(TEXT[: TEXT.index("end 1")])
    with pytest.raises(InputError, match="region 1 was not closed"):
        read_regions(path)
