"""templatetags of the console."""
