"""Tool: labels on generated content. Empty until the issue that builds it."""
