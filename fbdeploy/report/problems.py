"""What is wrong with a deployment, in words: said on the terminal and first in the report."""

from __future__ import annotations

from collections.abc import Iterable

from export.format_info import FORMAT_INFO
from fbdeploy.records.builds import BUILD_OF, ProgramName
from fbdeploy.records.manifest import Artefact, Failure, Manifest, Quantization
from fbdeploy.report import numbers
from tasks.classification.metrics import TOP1
from tasks.metrics import METRICS_OF, agreement_of
from tasks.segmentation.metrics import PIXEL_ACCURACY
from zoo.outputs import TaskName


def problems(manifest: Manifest) -> tuple[str, ...]:
    """Whole sentences, the gravest first; none where all is well."""
    task = manifest.network.task
    programs = [unfaithful(name, entry, task) for name, entry in manifest.quantizations.items()]
    unequal = [_parity(entry) for entry in manifest.artefacts]
    said = (_float(manifest), *programs, *unequal)
    return (*filter(None, said), *_failures(manifest.failures))


def _float(manifest: Manifest) -> str | None:
    """What is wrong with the float network itself."""
    found = manifest.float_check
    if found is None or found.passed:
        return None
    causes = (
        "The labels, the order of the classes and --mean/--std are the usual causes; int8 can only "
        "be as good"
    )
    pixels = manifest.network.task == "segmentation"
    right, of = (PIXEL_ACCURACY.title, "pixels") if pixels else (TOP1.title, "images")
    if not found.varied:
        answer = str(found.commonest_class)
        if found.commonest_class < len(manifest.labels):
            answer += f" ({manifest.labels[found.commonest_class]})"
        share = numbers.percent(found.commonest_share, 0)
        return f"The float network answers class {answer} for {share} of the {of}. {causes}"
    return (
        f"The float network is no better than chance: its {right} is {numbers.percent(found.top1)} "
        f"on {found.images:,} images, and one answer for all of them has "
        f"{numbers.percent(found.chance)}. {causes}"
    )


def unfaithful(name: ProgramName, program: Quantization, task: TaskName) -> str | None:
    """What is wrong with a program that is far from the float network; None if it is near."""
    found = program.fidelity
    if found is None or found.passed:
        return None
    images = f"{found.images:,} {'held-out' if found.held_out else 'calibration'} images"
    sentence = agreement_of(METRICS_OF[task]).sentence
    alike = sentence.format(numbers.percent(found.agreement, 0), images)
    far = f"{numbers.decibels(found.sqnr_db)} dB signal-to-noise"
    if found.apart is not None:
        far = f"{numbers.percent(found.apart, 0)} of the scores apart"
    return (
        f"{BUILD_OF[name]}: the quantized program is not the float network: "
        f"{far} and {alike}, not "
        f"{found.criterion}. All formats have it. Check the calibration images and --mean/--std, "
        "or try the recipe ptq or ptq-best; fbdeploy sensitivity names the layers"
    )


def _parity(artefact: Artefact) -> str | None:
    found = artefact.parity
    if found is None or found.passed:
        return None
    how = f"{numbers.significant(found.relative, 2)} relative"
    if found.apart is not None:
        how = f"{numbers.percent(found.apart, 1)} of the scores apart"
    elif found.sqnr_db is not None and artefact.precision != "fp32":
        how = f"{numbers.decibels(found.sqnr_db)} dB"
    where = f"; the first layer to differ is {found.parted_at}" if found.parted_at else ""
    log = f" (log: {artefact.log})" if artefact.log else ""
    return (
        f"{FORMAT_INFO[artefact.format].title} {artefact.name.partition(' ')[2]} does not equal "
        f"the {found.reference}: {how}, not {found.criterion}{where}. It is kept as "
        f"{artefact.path}, not to be shipped{log}"
    )


def _failures(failures: Iterable[Failure]) -> list[str]:
    """A sentence each, and one for all builds of a format that failed for the same reason."""
    alike: dict[tuple[str, str, str, str], list[str]] = {}
    for one in failures:
        builds = alike.setdefault((one.format, one.step, one.message, one.log), [])
        if one.build and one.build not in builds:
            builds.append(one.build)
    return [
        _failure(fmt, " and ".join(builds), step, message, log)
        for (fmt, step, message, log), builds in alike.items()
    ]


def _failure(fmt: str, builds: str, step: str, message: str, log: str) -> str:
    info = FORMAT_INFO.get(fmt)
    what = " ".join(filter(None, (fmt if info is None else info.title, builds, step)))
    told = f" (log: {log})" if log else ""
    return f"{what} failed: {message}{told}"
