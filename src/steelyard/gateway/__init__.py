"""Run time: the data plane. Empty until the issue that builds it."""
