"""Walks: use cases that cross rooms, called by the CLI and the console alike. No storage of its own."""
