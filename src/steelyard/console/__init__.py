"""Faces: the control plane. Empty until the issue that builds it."""
