"""Encryption of what is stored, and the files of keys."""
