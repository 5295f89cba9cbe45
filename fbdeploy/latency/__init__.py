"""Latency on any target, for ``fbdeploy bench`` and the sweep."""
