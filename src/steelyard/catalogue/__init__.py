"""Knowledge: instruments and their clauses, in both languages. Immutable once loaded."""
