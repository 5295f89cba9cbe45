"""What artefacts are checked with: a few images, and what their network or program makes of them.

Kept where the graph and the programs are kept, since the five formats need the same: building a
network and running it takes longer than most checks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fbdeploy.pipeline.work import WorkFolder, check_logits
from fbdeploy.records.manifest import Precision
from zoo.files import atomic_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


@dataclass(frozen=True)
class Checks:
    """Those of one network on the images of identity ``data``."""

    work: WorkFolder
    network_key: str
    data: str

    def images(self, read: Callable[[], NDArray[np.float32]] | None = None) -> NDArray[np.float32]:
        """The images, pre-processed float32 (N, 3, H, W); ``read`` gets them if they are not kept.

        Raises:
            FileNotFoundError: they are not kept, and there is no ``read``.
        """
        return _kept(self.work.check_images(self.network_key, self.data), read)

    def logits(
        self, folder: Path, module: Callable[[Tensor], Tensor] | None = None
    ) -> NDArray[np.float32]:
        """What the network or program in ``folder`` makes of the images, float32 (N, classes);
        ``module`` computes it if it is not kept.

        Raises:
            FileNotFoundError: it is not kept, and there is no ``module``.
        """
        from runtime_bench.runtimes.module_session import run_module

        compute = None if module is None else lambda: run_module(module, self.images())
        return _kept(check_logits(folder, self.network_key, self.data), compute)


def check_program(checks: Checks, precision: Precision) -> None:
    """Keep what the program of ``precision`` makes of the images that artefacts are checked on."""
    from quantize.program import load_program

    folder = checks.work.program(precision)
    # Read only if its logits are not kept yet.
    checks.logits(folder, lambda images: load_program(folder).module()(images))


def _kept(path: Path, make: Callable[[], NDArray[np.float32]] | None) -> NDArray[np.float32]:
    import numpy as np

    if make is not None and not path.exists():
        with atomic_file(path) as temporary, temporary.open("wb") as stream:
            np.save(stream, make())
    array: NDArray[np.float32] = np.load(path, allow_pickle=False)
    return array
