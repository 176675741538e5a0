"""web of the console."""
