"""Jobs, the worker processes that run them, and their scheduler."""
