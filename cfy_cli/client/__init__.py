"""A thin HTTP layer over the REST API."""
