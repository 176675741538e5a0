"""Tool: models, suppliers and the responsibility chain. Empty until the issue that builds it."""
