"""Components: deployments that a node creates."""
