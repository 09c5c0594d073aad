"""Workflows that the manager itself runs, and the requests that start them."""
