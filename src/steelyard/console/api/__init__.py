"""The API: what programs ask of the console and hand in, under scoped tokens. Rules stand below, in the rooms."""
