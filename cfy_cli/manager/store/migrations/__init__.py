"""From one version's tables to the next's."""
