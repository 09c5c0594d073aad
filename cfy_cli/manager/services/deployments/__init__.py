"""Deployments: labels, dependencies, tree and node instances."""
