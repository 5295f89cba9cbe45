"""What is exported of a build: the float graph, or an int8 program, as ``prepare`` left it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from export.description import Description
from fbdeploy.pipeline.request import DeployRequest
from fbdeploy.pipeline.work import WorkFolder
from fbdeploy.records.builds import Build, precision_of, program_of
from zoo.input_spec import InputSpec

if TYPE_CHECKING:
    from export.base import ExportSource


@dataclass(frozen=True)
class Sources:
    """Those of one network; ``description`` is what files say of the float network."""

    request: DeployRequest
    work: WorkFolder
    network_key: str
    input_spec: InputSpec
    description: Description | None

    def of(self, build: Build) -> tuple[Path, ExportSource]:
        """The folder of the graph or program, and what is exported of it.

        Raises:
            InputError: it cannot be read.
        """
        from export.base import ExportSource
        from quantize.graph.capture import load_captured
        from quantize.program import load_program

        skipped, layout = frozenset(self.request.skip_passes), self.request.layout
        program = program_of(build)
        if program:
            # A program is exported in the same way, however it came about.
            folder = self.work.program(program)
            loaded, about = load_program(folder), self.description
            source = ExportSource(
                "int8",
                self.input_spec,
                loaded.graph,
                loaded,
                skipped,
                layout=layout,
                description=about and replace(about, made_from=loaded.ranges_sha256()),
            )
            return folder, source
        folder = self.work.graph(self.network_key)
        captured = load_captured(folder)
        source = ExportSource(
            precision_of(build),
            self.input_spec,
            captured.graph,
            skipped=skipped,
            float_interface=captured.interface,
            layout=layout,
            description=self.description,
        )
        return folder, source
