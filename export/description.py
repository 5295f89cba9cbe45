"""What an artefact tells of itself, so that it can be used without the manifest beside it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from export.format_info import Layout
from zoo.input_spec import InputSpec

MAKER = "fbdeploy"


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

    def properties(self, layout: Layout) -> dict[str, str]:
        """As texts by key, for formats that hold those.

        ``labels`` and ``input`` are JSON: a list, and ``zoo.input_spec.InputSpec`` with the layout
        of the file's own input and the order of colours.
        """
        given = {**asdict(self.input_spec), "layout": layout, "color": "RGB"}
        return {
            "network": self.network,
            "task": self.task,
            "labels": json.dumps(self.labels, ensure_ascii=False),
            "input": json.dumps(given),
            "made_from_sha256": self.made_from,
            "fbdeploy_version": self.version,
            **({"license": self.license} if self.license else {}),
        }

    @property
    def label_lines(self) -> str:
        """One class a line; what would end a line in a name is a space."""
        return "".join(" ".join(label.splitlines()) + "\n" for label in self.labels)
