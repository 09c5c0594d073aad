"""Names of the public parser of blueprints that plugins import; the manager parses blueprints itself."""
