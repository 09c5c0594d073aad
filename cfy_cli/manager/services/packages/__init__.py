"""Plugins: taken in, chosen among, and made ready to run."""
