"""Which fbdeploy this is, and where it is installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

try:
    __version__ = version("fbdeploy")
except PackageNotFoundError:  # run from a checkout that was never installed
    __version__ = "0+checkout"

PACKAGES_FOLDER = Path(__file__).parents[1]
"""The folder that all our packages lie in: a site-packages or a checkout."""
