"""Ground: the one way to do each shared thing. Knows nothing about AI or law."""
