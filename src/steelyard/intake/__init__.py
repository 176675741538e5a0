"""Judgement: how answers about a system are gathered: from an inventory, later by interview and from text."""
