"""The regression check: what one output folder measured, against a baseline kept in a repository.

``baseline.py`` reduces an output folder to one small file; ``compare.py`` puts two of them side by
side; ``paired.py``, ``timing.py`` and ``counted.py`` hold one kind of comparison each;
``decide.py`` turns the p-values of all of them into verdicts.

Called, it is the function ``fbdeploy.api.check.check`` (``fbdeploy.rooms``).
"""

from __future__ import annotations

from fbdeploy.rooms import let_call

let_call(__name__, "fbdeploy.api.check")
