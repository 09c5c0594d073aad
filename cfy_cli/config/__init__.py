"""Store profiles and settings on disk."""
