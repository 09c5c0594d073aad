"""The base types files, one for each version of the language, read as package data."""
