"""fbdeploy takes a trained mobile network to a phone; ``fbdeploy --help`` is the front door."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("fbdeploy")
except PackageNotFoundError:  # run from a checkout that was never installed
    __version__ = "0+checkout"
