"""What detectors find held against what there is, and against what another detector finds."""
