"""Benchmarks: run by hand, never by CI. See README.md."""
