"""Proof: the append-only Merkle log. Empty until the issue that builds it."""
