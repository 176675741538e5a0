"""Tool: screening of training data. Empty until the issue that builds it."""
