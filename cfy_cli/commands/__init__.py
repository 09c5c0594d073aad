"""One module per noun, named as typed."""
