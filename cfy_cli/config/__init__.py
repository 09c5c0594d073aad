"""Where things are: profiles and settings on disk."""
