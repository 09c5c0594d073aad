"""How a command is made."""
