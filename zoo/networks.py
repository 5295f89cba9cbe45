"""Networks by name: FBNets of the zoo, timm's and torchvision's networks, and the user's own.

``load_network`` is the one way in. Which name means what is in ``zoo.names``; who builds it in
``zoo.sources``; how weights are read in ``zoo.checkpoints``.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from zoo import embedded, user_network
from zoo.checkpoints import Layout, Selection, load_into, read_states, select
from zoo.errors import InputError
from zoo.files import sha256_of
from zoo.hub import hub_repository
from zoo.initialise import settle_batch_norms
from zoo.input_overrides import InputOverrides, overridden
from zoo.input_spec import InputSpec
from zoo.names import DEFAULT, DEFAULT_DETECTOR, DEFAULT_SEGMENTER, ResolvedName, Source, resolve
from zoo.outputs import LOGITS, Interface, OutputSpec, TaskName, parts_of, told_interface
from zoo.probe import float32_output
from zoo.sources import NetworkOptions, NetworkSource, find_source

PRETRAINED = "pretrained"
DEFAULT_SEED = 0

__all__ = [
    "DEFAULT_SEED",
    "PRETRAINED",
    "InputOverrides",
    "Network",
    "NetworkOptions",
    "Weights",
    "load_network",
]


_EMBEDDED_WEIGHTS = {
    DEFAULT: embedded.WEIGHTS_FILE,
    DEFAULT_SEGMENTER: embedded.SEGMENTER_WEIGHTS_FILE,
    DEFAULT_DETECTOR: embedded.DETECTOR_WEIGHTS_FILE,
}
"""What ``zoo.train_default``, ``zoo.train_segmenter`` and ``tasks.train_detector`` made."""


@dataclass(frozen=True)
class Weights:
    """Where a network's weights come from.

    ``random``: initialised with ``seed`` (zoo/initialise.py). ``file``: read from ``origin``.
    ``pretrained``: downloaded from ``origin``. ``embedded``: shipped with fbdeploy. ``user``: as
    the user's own function returned them. ``note`` is for people, such as a binding licence.
    """

    kind: Literal["random", "file", "pretrained", "embedded", "user"]
    origin: str | None = None
    layout: Layout | None = None
    sha256: str | None = None
    seed: int | None = None
    note: str | None = None

    def describe(self) -> str:
        """One line for people."""
        if self.kind == "random":
            return f"randomly initialised (seed {self.seed}): accuracies mean nothing"
        parts: list[str] = [self.kind]
        if self.origin:
            parts.append(self.origin)
        if self.note:
            parts.append(f"({self.note})")
        return " ".join(parts)


@dataclass(frozen=True)
class Network:
    """A float network in evaluation mode, what it eats, and what its outputs mean.

    ``module`` maps float32 (N, 3, H, W) to what ``interface`` finds its outputs in, such as logits
    (N, num_classes); with ``num_classes`` 0 to the embedding (N, features); with ``features_only``
    to a list of maps, whose channels and strides are ``feature_channels`` and
    ``feature_reductions``. ``labels`` has ``num_classes`` entries (indices as text where no names
    are known).
    """

    name: str
    module: nn.Module
    input_spec: InputSpec
    labels: tuple[str, ...]
    num_classes: int
    source: Source
    weights: Weights
    feature_channels: tuple[int, ...] = ()
    feature_reductions: tuple[int, ...] = ()
    interface: Interface = LOGITS

    @property
    def task(self) -> TaskName:
        """Says what the outputs mean."""
        return self.interface.task

    @property
    def outputs(self) -> tuple[OutputSpec, ...]:
        """The outputs in order."""
        return self.interface.outputs


def load_network(
    name: str = DEFAULT,
    weights: str | Path | None = None,
    *,
    num_classes: int | None = None,
    features_only: bool = False,
    overrides: InputOverrides | None = None,
    options: NetworkOptions | None = None,
    seed: int = DEFAULT_SEED,
) -> Network:
    """Build a network by name and load its weights.

    Args:
        name: ``default``, ``default-segmenter`` or ``default-detector`` (the embedded networks),
            a name of ``fbdeploy zoo``, any timm name, ``hf-hub:owner/name`` for a repository of
            timm's networks on the Hugging Face hub, or ``path/to/file.py:function``.
        weights: a file, ``"pretrained"`` for the published ones (downloaded), or None: the embedded
            weights of the networks trained here, the hub's of ``hf-hub:`` names, else random
            initialisation by ``seed``.
        num_classes: None takes the weights' number, else the source's default; 0 leaves the
            classifier out and returns the embedding.
        features_only: return the last map at each stride instead of logits.
        overrides: input size, normalization and resizing instead of the source's.
        options: variants of torchvision's mobile networks.
        seed: for random initialisation.

    Raises:
        InputError: unknown name, options that do not apply, or weights that cannot be had or do
            not fit.
    """
    if num_classes is not None and num_classes < 0:
        raise InputError(f"{name}: {num_classes} classes; give 0 (no classifier) or more")
    overrides = overrides or InputOverrides()
    resolved = resolve(name)
    file = None if weights in (None, PRETRAINED) else Path(str(weights))
    source = find_source(resolved, options, overrides.size, file)
    path, provenance = _find_weights(resolved, source, weights, seed)
    headless = features_only or num_classes == 0
    chosen: Selection | None = None
    classes = num_classes or None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if path is None:
            module = source.build(classes)
        else:
            # Built and loaded whole, so that a file fits whatever is left out afterwards.
            module, chosen = _build_for(path, name, source, classes, headless)
            provenance = _told(provenance, path, chosen)
    module.eval()
    if path is not None and chosen is not None:
        classes = classes or chosen.classes
        classifier = _ignored(source, module, headless)
        load_into(module, chosen.state, origin=str(path), network=name, ignore=classifier)
    spec = overridden(name, module, source.input_spec(module), overrides)
    try_out = user_network.probe if resolved.source == "user" else float32_output
    output = try_out(name, module, spec)
    if provenance.kind == "random":
        settle_batch_norms(module, spec, seed)

    if headless:
        labels: tuple[str, ...] = ()
        if features_only:
            module = source.features(module, spec)
        else:
            module = source.remove_classifier(module)
        interface = _headless_interface(module.eval(), spec)
    else:
        interface, count = told_interface(name, module, output)
        if classes is not None and count != classes:
            raise InputError(f"{name}: has {count} outputs where {classes} classes are asked for")
        labels = source.labels(module, count) or tuple(str(index) for index in range(count))
    return Network(
        name=name,
        module=module.eval(),
        input_spec=spec,
        labels=labels,
        num_classes=len(labels),
        source=resolved.source,
        weights=provenance,
        feature_channels=tuple(getattr(module, "channels", ())) if features_only else (),
        feature_reductions=tuple(getattr(module, "reductions", ())) if features_only else (),
        interface=interface,
    )


def _find_weights(
    resolved: ResolvedName, source: NetworkSource, weights: str | Path | None, seed: int
) -> tuple[Path | None, Weights]:
    stored = _EMBEDDED_WEIGHTS.get(resolved.canonical)
    if weights is None and hub_repository(resolved.canonical) is not None:
        weights = PRETRAINED  # a repository is its weights
    if weights == PRETRAINED:
        if stored is not None:
            weights = None
        else:
            fetched = source.pretrained()
            return fetched.path, Weights("pretrained", fetched.origin, note=fetched.note)
    if weights is not None:
        path = Path(weights)
        if not path.exists():
            raise InputError(f"{path}: no such weights file (or '{PRETRAINED}' to download them)")
        return path, Weights("file", str(path))
    if stored is not None:
        path = embedded.embedded_file(stored)
        return path, Weights("embedded", path.name)
    if resolved.source == "user":
        return None, Weights("user", resolved.canonical)
    return None, Weights("random", seed=seed)


def _build_for(
    path: Path, name: str, source: NetworkSource, classes: int | None, headless: bool
) -> tuple[nn.Module, Selection]:
    """A network of as many classes as the file's, and what of the file fits it."""
    stored = read_states(path)
    skeleton = source.skeleton(classes)
    chosen = select(
        stored,
        skeleton,
        source.translate,
        origin=str(path),
        network=name,
        any_classes=classes is None,
        ignore=_ignored(source, skeleton, headless),
    )
    if chosen.classes is None and not any(p.is_meta for p in skeleton.parameters()):
        return skeleton, chosen
    return source.build(classes or chosen.classes), chosen


def _ignored(source: NetworkSource, module: nn.Module, headless: bool) -> tuple[str, ...]:
    """What a file may lack."""
    classifier = source.classifier(module)
    return (classifier,) if headless and classifier else ()


def _told(provenance: Weights, path: Path, chosen: Selection) -> Weights:
    notes = [note for note in (provenance.note, chosen.note) if note]
    return dataclasses.replace(
        provenance, layout=chosen.layout, sha256=sha256_of(path), note=", ".join(notes) or None
    )


@torch.no_grad()
def _headless_interface(module: nn.Module, spec: InputSpec) -> Interface:
    """The embedding, or a map a stride, finest first."""
    found = parts_of(module(torch.zeros(spec.shape)))
    return Interface(
        "classification",
        tuple(
            OutputSpec(
                f"features_{key}" if key else "embedding", tuple(part.shape), "features", key
            )
            for key, part in found.items()
        ),
    )
