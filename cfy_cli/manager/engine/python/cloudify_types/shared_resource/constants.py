"""Constants of shared resources."""

SHARED_RESOURCE_TYPE = "cloudify.nodes.SharedResource"
WORKFLOW_EXECUTION_TIMEOUT = 1800  # seconds
