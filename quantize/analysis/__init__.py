"""What int8 costs, layer by layer, and what is worth keeping in float."""
