"""Steelyard (权衡): weighs AI systems against China's AI Safety Governance Framework."""

__version__ = "0.1.0"
