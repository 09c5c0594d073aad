"""Secrets: values and their encryption, export and import."""
