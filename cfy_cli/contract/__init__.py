"""The words both halves agree on: pure data, importing nothing of ours but errors."""
