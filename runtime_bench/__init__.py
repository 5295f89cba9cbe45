"""Artefacts in their own runtimes: accuracy and latency, with the statistics to judge both."""
