"""Keep and forget events."""
