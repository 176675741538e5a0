"""Proofs about a policy: what holds for every complete profile, or a concrete profile for which it does not."""
