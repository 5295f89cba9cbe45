"""What the steps of a deployment are made of."""
