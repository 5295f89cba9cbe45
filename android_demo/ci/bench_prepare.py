"""Times what the app does to a frame before the network, beside the plain way, on this JVM.

    python android_demo/ci/bench_prepare.py

``build.py`` has run. Baseline and app take turns; the medians of 60 runs each, after 40.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from build import ROOT, run_java
from kotlin_tools import Tools


def main() -> None:
    """Print the table of PrepareBenchmark.kt."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "build/android")
    options = parser.parse_args()
    tools = Tools(
        Path(os.environ.get("FBDEPLOY_TOOLS", ROOT / "build/tools")).resolve() / "android"
    )
    if not tools.ready or not (options.output / "tests.jar").exists():
        raise SystemExit("run android_demo/ci/tools.sh and android_demo/ci/build.py first")
    code, said = run_java(tools, options.output, ["dev.fbdeploy.core.PrepareBenchmark"], {})
    print(said, end="")
    raise SystemExit(code)


if __name__ == "__main__":
    main()
