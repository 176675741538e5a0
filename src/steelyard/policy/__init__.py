"""Judgement: rules from facts to tier, lane and obligations; one predicate language with several readers."""
