"""What a network's outputs mean, a folder a task."""
