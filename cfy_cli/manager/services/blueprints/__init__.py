"""Keep blueprints: their files, their plans, what they import."""
