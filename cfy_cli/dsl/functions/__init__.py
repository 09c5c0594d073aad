"""The functions that a blueprint may call: their arguments, where they can be used, and their results."""
