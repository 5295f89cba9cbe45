"""Options that several commands share, and lists of known names."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from fbdeploy.cli.completion import network_names
from fbdeploy.cli.progress import Telling
from fbdeploy.cli.types import numbers, paths, picture
from fbdeploy.pipeline.request import DEFAULT_NETWORK, InputOptions
from zoo.errors import InputError
from zoo.input_spec import Interpolation

if TYPE_CHECKING:
    from fbdeploy.pipeline.spread import Spread
    from fbdeploy.pipeline.workers.runner import Place

Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on stdout, all else on stderr.")
]


@dataclass(frozen=True)
class TellingOptions:
    """How much is said while it runs."""

    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say nothing but the result and what is wrong.")
    ] = False
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Lines instead of bars, one a step of every job.")
    ] = False
    log: Annotated[
        Path | None,
        typer.Option(
            parser=paths.file_to_extend,
            metavar="FILE",
            help="Append everything that is said to this file too, with the time.",
        ),
    ] = None

    @property
    def telling(self) -> Telling:
        """What progress is told with.

        Raises:
            InputError: all and nothing.
        """
        if self.quiet and self.verbose:
            raise InputError("--quiet: contradicts --verbose; leave one out")
        return Telling(self.quiet, self.verbose, self.log)


@dataclass(frozen=True)
class ImageOptions:
    """How images become the network's input; what is None is as the network's source says."""

    input_size: Annotated[
        picture.Size | None,
        typer.Option(
            parser=picture.size,
            metavar="SIZE",
            help="Height and width of the input in pixels: 224 or 192x256.",
        ),
    ] = None
    mean: Annotated[
        picture.Triple | None,
        typer.Option(
            parser=picture.mean,
            metavar="R,G,B",
            help="Mean of each channel, of values in 0..1: 0.485,0.456,0.406.",
        ),
    ] = None
    std: Annotated[
        picture.Triple | None,
        typer.Option(
            parser=picture.std,
            metavar="R,G,B",
            help="Deviation of each channel: 0.229,0.224,0.225.",
        ),
    ] = None
    crop_pct: Annotated[
        float | None,
        typer.Option(
            parser=picture.crop_share,
            metavar="SHARE",
            help="Part of the resized shorter side that the centre crop keeps, in 0.1..1.",
        ),
    ] = None
    interpolation: Annotated[
        Interpolation | None,
        typer.Option(
            "--interpolation",
            parser=picture.interpolation,
            metavar="NAME",
            help="How images are resized: nearest, bilinear or bicubic.",
        ),
    ] = None
    skip_bad_images: Annotated[
        bool,
        typer.Option(
            "--skip-bad-images", help="Leave out images that cannot be read, and name them."
        ),
    ] = False

    @property
    def input(self) -> InputOptions:
        """What the user says of the input."""
        return InputOptions(
            size=self.input_size,
            mean=self.mean,
            std=self.std,
            crop_pct=self.crop_pct,
            interpolation=self.interpolation,
        )


@dataclass(frozen=True)
class NetworkOptions:
    """Which network."""

    network: Annotated[
        str,
        typer.Argument(
            parser=paths.network,
            metavar="NETWORK",
            help="A name of 'fbdeploy zoo', or FILE.py:FUNCTION; the embedded default.",
            autocompletion=network_names,
        ),
    ] = DEFAULT_NETWORK
    weights: Annotated[
        str | None,
        typer.Option(
            parser=paths.file_or_name,
            metavar="FILE",
            help="A .safetensors, .pth or .pt state dict, or 'pretrained' to download.",
        ),
    ] = None
    num_classes: Annotated[
        int | None,
        typer.Option(
            parser=numbers.classes, metavar="N", help="Classes, if the weights do not say."
        ),
    ] = None


@dataclass(frozen=True)
class ClusterOptions:
    """On which machines."""

    cluster: Annotated[
        Path | None,
        typer.Option(
            parser=paths.file_in,
            metavar="PLAN",
            help="Run on the hosts of this TOML file; see 'fbdeploy cluster'.",
        ),
    ] = None
    wait_for_host: Annotated[
        float,
        typer.Option(
            parser=numbers.seconds,
            metavar="SECONDS",
            help="How long a job waits for a host or device that is away.",
        ),
    ] = 600.0

    @contextmanager
    def opened(self, note: Callable[[str], None], devices: Iterable[str] = ()) -> Iterator[Place]:
        """Where jobs run; ``note`` gets lines for the user.

        Raises:
            InputError: the cluster cannot be used, or has not all ``devices``.
        """
        from fbdeploy.pipeline.workers.runner import Place

        if self.cluster is None:
            from fbdeploy.pipeline.deploy import on_this_machine

            yield Place(on_this_machine)
            return
        from fbdeploy.cluster.connection import joined
        from fbdeploy.cluster.plan import read_plan
        from fbdeploy.cluster.runner import ClusterRunner

        with joined(read_plan(self.cluster), self.wait_for_host) as cluster:
            for device in devices:
                cluster.check_device(device)
            for line in cluster.notes():
                note(line)
            yield Place(
                partial(ClusterRunner, cluster),
                cluster.at_once,
                cluster.interrupted.set,
                cluster.slots,
                cluster.timed_on,
            )

    @contextmanager
    def spread(self) -> Iterator[Spread | None]:
        """Where the parts of one command run, with their progress; None: here, as a whole.

        Raises:
            InputError: the cluster cannot be used.
        """
        if self.cluster is None:
            yield None
            return
        from fbdeploy.cli.progress import DeployProgress
        from fbdeploy.pipeline.spread import Spread

        with DeployProgress() as progress, self.opened(progress.note) as place:
            yield Spread(place, progress)


NO_CLUSTER_OPTIONS, NO_TELLING_OPTIONS = ClusterOptions(), TellingOptions()
NO_IMAGE_OPTIONS, NO_NETWORK_OPTIONS = ImageOptions(), NetworkOptions()


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Let typer see the fields of parameters that are dataclasses as options of their own.

    A field is declared as a parameter of a command would be: ``Annotated``, with a default.
    """
    parameters: list[inspect.Parameter] = []
    groups: dict[str, type[Any]] = {}
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        group = _group(parameter.annotation)
        if group is None:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        groups[parameter.name] = group
        hints = get_type_hints(group, include_extras=True)
        parameters += [
            inspect.Parameter(
                one.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=one.default,
                annotation=hints[one.name],
            )
            for one in fields(group)
        ]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        whole = {
            name: group(**{one.name: given.pop(one.name) for one in fields(group)})
            for name, group in groups.items()
        }
        command(**whole, **given)

    run.__annotations__ = {}
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return run


def _group(annotation: Any) -> type[Any] | None:
    return annotation if isinstance(annotation, type) and is_dataclass(annotation) else None
