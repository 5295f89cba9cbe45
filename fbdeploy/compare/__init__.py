"""Two deployments side by side: what a change of network, recipe or version has done.

Called, it is the function ``runtime_bench.accuracy.compare`` (``fbdeploy.rooms``).
"""

from __future__ import annotations

from fbdeploy.rooms import let_call

let_call(__name__, "runtime_bench.accuracy")
