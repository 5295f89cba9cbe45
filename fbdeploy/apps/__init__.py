"""The demo apps: their bundle, their benchmark mode and its results."""
