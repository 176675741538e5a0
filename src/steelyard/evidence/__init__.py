"""Proof: signed statements and their kinds. Empty until the issue that builds it."""
