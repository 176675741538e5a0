"""What a description says about a system: clauses, cues and mentions, in English and Chinese, from one lexicon."""
