"""A network as one canonical graph, and which of its values become int8."""
