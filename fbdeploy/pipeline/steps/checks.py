"""What artefacts are checked with: a few images, and what their network or program makes of them.

Kept where the graph and the programs are kept, since the five formats need the same: building a
network and running it takes longer than most checks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fbdeploy.pipeline.work import WorkFolder, check_outputs
from fbdeploy.records.builds import ProgramName
from zoo.files import atomic_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tasks.base import Outputs


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
        import numpy as np

        path = self.work.check_images(self.network_key, self.data)
        if read is not None and not path.exists():
            with atomic_file(path) as temporary, temporary.open("wb") as stream:
                np.save(stream, read())
        array: NDArray[np.float32] = np.load(path, allow_pickle=False)
        return array

    def outputs(self, folder: Path, run: Callable[[], Outputs] | None = None) -> Outputs:
        """What the network or program in ``folder`` makes of the images, float32 (N, ...) by name;
        ``run`` computes it if it is not kept.

        Raises:
            FileNotFoundError: it is not kept, and there is no ``run``.
        """
        import numpy as np

        path = check_outputs(folder, self.network_key, self.data)
        if run is not None and not path.exists():
            made = run()
            with atomic_file(path) as temporary, temporary.open("wb") as stream:
                np.savez(stream, np.array(list(made)), *made.values())
        with np.load(path, allow_pickle=False) as stored:
            names, *values = (stored[key] for key in stored.files)
        return dict(zip(names.tolist(), values, strict=True))


def check_program(checks: Checks, name: ProgramName) -> None:
    """Keep what an int8 program makes of the images that artefacts are checked on."""
    from quantize.program import load_program
    from runtime_bench.runtimes.module_session import run_module

    folder = checks.work.program(name)

    def run() -> Outputs:
        program = load_program(folder)  # only if its outputs are not kept yet
        return run_module(program.module(), program.interface, checks.images())

    checks.outputs(folder, run)
