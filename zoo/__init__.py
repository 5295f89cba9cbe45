"""Networks: architectures as data, builders, checkpoint readers, pre-processing and datasets.

onnxruntime 1.31 gathers and sends usage data unless the environment forbids it when it is first
imported. Every folder imports this one, so this is where it is forbidden; a value that the user
has set himself stays.
"""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
