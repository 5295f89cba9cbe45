"""The machine and the versions that artefacts were made with, without importing any of them."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from export.format_info import FORMAT_INFO
from fbdeploy.pipeline.keys import versions
from fbdeploy.records.manifest import Environment
from runtime_bench.measurement import machine_of

PACKAGES = tuple(
    dict.fromkeys(
        (
            *("torch", "torchvision", "torchao", "timm"),
            *(package for info in FORMAT_INFO.values() for package in info.packages),
            *("numpy", "safetensors"),
        )
    )
)
"""Distributions whose version a manifest holds."""


HOST_VARIABLE = "FBDEPLOY_HOST"
"""What the host of a cluster is called, for the jobs that run there."""


def cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def environment() -> Environment:
    """What the manifest says of this machine."""
    return Environment(
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.release()} {platform.machine()}",
        cpu=cpu_model(),
        cores=cores(),
        memory_bytes=memory_bytes(),
        versions=versions(PACKAGES),
    )


def this_machine() -> str:
    """The processor, with the name that a cluster's plan has for the machine if it has one."""
    return machine_of(cluster_host(), cpu_model())


def cluster_host() -> str:
    """The name that a cluster's plan has for the machine; empty if it is none's."""
    return os.environ.get(HOST_VARIABLE, "")


def memory_bytes() -> int:
    """The machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def cpu_model() -> str:
    """The processor's name, as the system tells it."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor() or platform.machine()
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in {"model name", "Model", "Hardware"}:
            return value.strip()
    return platform.processor() or platform.machine()
