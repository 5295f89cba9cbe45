"""A program in the forms that backends read."""
