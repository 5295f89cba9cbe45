"""Where files keep what their format has no place for; apart, so that readers need no exporter."""

from __future__ import annotations

INPUT_SHAPE = "input_shape"
"""An extra file of a TorchScript archive: the input's sizes, such as ``1,3,128,128``."""
OUTPUT_NAMES = "output_names"
"""The outputs' names, one a line: an extra file of a TorchScript archive, and the method of an
ExecuTorch program that returns them as UTF-8 bytes, a uint8 tensor (length,)."""
LABELS, METADATA = "labels", "metadata"
"""Methods of an ExecuTorch program that return UTF-8 bytes, as above: its classes, one a line, and
``export.description.Description.properties`` as JSON."""
LABELS_FILE, METADATA_FILE = "labels.txt", "metadata.json"
"""Extra files of a TorchScript archive with the same."""
PROPERTIES_FILE = "fbdeploy.json"
"""A file of the archive behind a ``.tflite`` model with the same properties."""
