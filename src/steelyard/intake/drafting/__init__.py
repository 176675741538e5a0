"""Proposed answers from a description: each with the words it rests on and a confidence; a person confirms, always."""
