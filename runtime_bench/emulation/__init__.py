"""Emulated ARM cores: what a runner executes, counted, classified and costed."""
