"""Keep deployments: their labels, dependencies, tree and node instances."""
