"""Shared resources: deployments that others have created."""
