"""In CI a test may not be skipped for lack of something that CI could install."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.tasks.two_outputs import TwoOutputsTask
    from tests.tasks.two_outputs_artefacts import TwoOutputsArtefacts

os.environ.pop("COLUMNS", None)  # what commands say is not to depend on a terminal's width

ALLOWED_IN_CI = ("../shared", "not root", "on this processor", "Landlock")
"""What the reason of a skip names where CI cannot help."""

# Before torch is imported: a worker a core leaves none for a second thread, and OpenMP's wait for
# each other spinning. What is to be timed with more sets its own count.
os.environ.setdefault("OMP_NUM_THREADS", "1")

BUILT_ONCE = ("android_demo", "ios_demo")
"""Folders whose tests share one build of an app."""

LONG = (
    "tests/fbdeploy/cluster/test_namespaces.py",
    "tests/export/test_detectors.py",
    "tests/android_demo/",
    "tests/runtime_bench/emulation/test_counting.py",
    "tests/runtime_bench/timing/test_protocol.py",
    "tests/fbdeploy/sweep/",
    "tests/runtime_bench/targets/test_ssh.py",
    "tests/docs/",
    "tests/ios_demo/",
)
"""Files of few tests that take a minute or more: they come first, since one that begins last is
waited for by all other workers."""


def _forbid(report: pytest.TestReport | pytest.CollectReport) -> None:
    if os.environ.get("CI") != "true" or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if not any(allowed in reason for allowed in ALLOWED_IN_CI):
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid}: skipped in CI: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _forbid(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _forbid(report)
    return report


@pytest.fixture
def two_outputs_task(monkeypatch: pytest.MonkeyPatch) -> TwoOutputsTask:
    """A task of two outputs in the place of one of the product's."""
    from tasks.table import TASKS
    from tests.tasks.two_outputs import TwoOutputsTask

    task = TwoOutputsTask()
    monkeypatch.setitem(TASKS, "segmentation", task)
    return task


@pytest.fixture(scope="session")
def two_outputs_artefacts(tmp_path_factory: pytest.TempPathFactory) -> TwoOutputsArtefacts:
    """A network of two outputs in every format, each made when it is first asked for."""
    from tests.tasks.two_outputs_artefacts import TwoOutputsArtefacts

    return TwoOutputsArtefacts(tmp_path_factory.mktemp("two-outputs"))


def pytest_collection_finish() -> None:
    """Exporters make millions of objects that stay, which the collector would look at again and
    again: an eighth of an export's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """A worker a core, as far as memory allows: the exporters' tests take up to 4 GB."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, min(len(os.sched_getaffinity(0)), memory // (5 << 30)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Keep a file's tests in one worker, and all of an app's: what they share is built once."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            folder = file.removeprefix("tests/").partition("/")[0]
            return folder if folder in BUILT_ONCE else file

    config.option.loadscopereorder = False
    return ByFile(config, log)
