"""The four places a network comes from, each behind one small Protocol."""

from zoo.sources.base import NetworkOptions, NetworkSource, PretrainedFile
from zoo.sources.finding import find_source

__all__ = ["NetworkOptions", "NetworkSource", "PretrainedFile", "find_source"]
