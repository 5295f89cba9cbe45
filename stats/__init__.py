"""Statistics that every room may use; nothing here knows what a network or a runtime is."""
