"""Deploy and look after applications described in blueprints."""

__version__ = "0.1.0"
