"""What the verbs mean: no HTTP, no terminal."""
