"""systems of the console."""
