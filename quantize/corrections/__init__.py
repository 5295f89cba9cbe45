"""What makes up for rounding; each is tried and kept only if held-out images agree."""
