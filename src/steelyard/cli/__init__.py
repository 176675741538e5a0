"""Faces: the command line. Thin: one module per command group."""
