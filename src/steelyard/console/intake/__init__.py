"""intake of the console."""
