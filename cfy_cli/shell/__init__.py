"""Building blocks of commands: click classes, shared options, value types, waiting, output and error handling."""
