"""Execution groups: making, changing and describing them."""
