"""The operations, a module for each room."""
