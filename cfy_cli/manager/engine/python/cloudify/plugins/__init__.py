"""Built-in workflows and parts of them, for workflows of plugins."""
