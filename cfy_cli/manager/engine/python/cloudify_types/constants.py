"""Constants of the types."""

EXTERNAL_RESOURCE = "external_resource"
POLLING_INTERVAL = 1  # seconds
