"""Fetching of files from URLs, and unpacking of archives."""
