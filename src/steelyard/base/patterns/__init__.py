"""Patterns: rule packs that find personal data and secrets in text, and masking. No Arrow, no policy.

`shipped().find(text)` finds, `mask(text, shipped())` masks, `load(*paths)` reads packs of one's own.
"""

from steelyard.base.patterns.masking import Masked, MaskedSpan, mask
from steelyard.base.patterns.model import Confidence, Finding
from steelyard.base.patterns.pack import load, shipped
from steelyard.base.patterns.rules import Rule, Rules

__all__ = ["Confidence", "Finding", "Masked", "MaskedSpan", "Rule", "Rules", "load", "mask", "shipped"]
