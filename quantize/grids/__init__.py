"""The grids of activations and weights: how they are found."""
