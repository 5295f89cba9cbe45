import subprocess
import sys

PEAK = "from runtime_bench.machine.memory import peak_resident_bytes; print(peak_resident_bytes())"
LARGE_PARENT = f"""
import subprocess, sys
ballast = b"x" * 400_000_000
print(subprocess.run([sys.executable, "-c", {PEAK!r}], capture_output=True, text=True).stdout)
"""


def test_a_large_parent_does_not_count() -> None:
    run = subprocess.run(
        [sys.executable, "-c", LARGE_PARENT], capture_output=True, text=True, check=True
    )
    assert 1e6 < int(run.stdout) < 200e6


def test_what_was_freed_counts_in_the_peak() -> None:
    code = f"ballast = b'x' * 300_000_000; del ballast; {PEAK}"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 300e6 < int(run.stdout) < 400e6
