"""What an artefact tells of itself, so that it can be used without the manifest beside it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

from export.format_info import InputType, Layout
from zoo.input_spec import InputSpec
from zoo.outputs import Interface

MAKER = "fbdeploy"
AS_PIXELS = (0.0,) * 3, (1 / 255,) * 3
"""Mean and deviation, of values in 0..1, that leave a pixel as it is, 0 to 255."""


def own_input(spec: InputSpec, given: InputType) -> InputSpec:
    """How images become the input of an artefact that takes ``given``, of a network of ``spec``."""
    return spec if given == "float32" else replace(spec, mean=AS_PIXELS[0], std=AS_PIXELS[1])


@dataclass(frozen=True)
class Description:
    """Of a network: its name, task and classes, how images become its input, and where it is from.

    ``made_from`` is the SHA-256 of what the artefact was made from: the weights, or of int8 the
    program's ranges. ``license`` is empty where it is not known.
    """

    network: str
    task: str
    labels: tuple[str, ...]
    input_spec: InputSpec
    made_from: str
    version: str
    license: str = ""

    def properties(self, layout: Layout, given: InputType, outputs: Interface) -> dict[str, str]:
        """As texts by key, for formats that hold those.

        ``labels``, ``input`` and ``outputs`` are JSON: a list; ``zoo.input_spec.InputSpec`` with
        the layout and element type of the file's own input and the order of colours; and in order,
        of each output, its name, shape, element type and meaning.
        """
        spec = own_input(self.input_spec, given)
        told = {**asdict(spec), "layout": layout, "color": "RGB", "dtype": given}
        return {
            "network": self.network,
            "task": self.task,
            "labels": json.dumps(self.labels, ensure_ascii=False),
            "input": json.dumps(told),
            "outputs": json.dumps(
                [
                    {"name": o.name, "shape": o.shape, "dtype": o.dtype, "meaning": o.meaning}
                    for o in outputs.outputs
                ]
            ),
            "made_from_sha256": self.made_from,
            "fbdeploy_version": self.version,
            **({"license": self.license} if self.license else {}),
        }

    @property
    def label_lines(self) -> str:
        """One class a line; what would end a line in a name is a space."""
        return "".join(" ".join(label.splitlines()) + "\n" for label in self.labels)
