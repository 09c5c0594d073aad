"""Agents on the hosts of deployments: their rows, what installs them, and what they report."""
