"""Deployment groups: their members, and the labels that members get from them."""
