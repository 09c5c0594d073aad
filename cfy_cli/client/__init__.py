"""A thin HTTP client of the REST API."""
