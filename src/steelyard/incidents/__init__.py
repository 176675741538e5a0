"""Run time: incident levels and legal clocks. Empty until the issue that builds it."""
