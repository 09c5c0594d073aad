"""Blueprints: files, plans and imports."""
