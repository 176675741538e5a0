"""reviews of the console."""
