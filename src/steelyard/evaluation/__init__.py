"""Tool: evaluation of models. Empty until the issue that builds it."""
