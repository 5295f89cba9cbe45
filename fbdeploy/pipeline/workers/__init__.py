"""Jobs, the worker processes that run them, and who runs them."""
