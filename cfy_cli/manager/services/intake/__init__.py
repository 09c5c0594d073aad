"""Blueprints, from what somebody sends to a plan that is kept."""
