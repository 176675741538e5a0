"""Proof: what is due at a gate and what satisfies it. Empty until the issue that builds it."""
