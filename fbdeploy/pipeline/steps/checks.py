"""What artefacts are checked with: a few images, and what their network or program makes of them.

Kept where the graph and the programs are kept, since the five formats need the same: building a
network and running it takes longer than most checks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fbdeploy.pipeline.keys import key_of
from tasks import Outputs
from zoo.files import atomic_file


@dataclass(frozen=True)
class Checks:
    """Those of one network on the images of identity ``data``."""

    work: Path
    network_key: str
    data: str

    @property
    def _name(self) -> str:
        return key_of(network=self.network_key, data=self.data)

    def images(self, read: Callable[[], NDArray[np.float32]] | None = None) -> NDArray[np.float32]:
        """The images, pre-processed float32 (N, 3, H, W); ``read`` gets them if they are not kept.

        Raises:
            FileNotFoundError: they are not kept, and there is no ``read``.
        """
        path = self.work / f"check-images-{self._name}.npy"
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
        path = folder / f"check-outputs-{self._name}.npz"
        if run is not None and not path.exists():
            made = run()
            with atomic_file(path) as temporary, temporary.open("wb") as stream:
                names = np.array(list(made))
                np.savez(stream, names, *made.values())
        with np.load(path, allow_pickle=False) as stored:
            names, *values = (stored[key] for key in stored.files)
        return dict(zip(names.tolist(), values, strict=True))
