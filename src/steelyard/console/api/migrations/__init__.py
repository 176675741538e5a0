"""migrations of the console."""
