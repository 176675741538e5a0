"""people of the console."""
