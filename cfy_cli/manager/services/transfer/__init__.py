"""Fetch files from addresses and unpack archives."""
