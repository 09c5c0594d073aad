"""Records of plugins updates, and the choice of the versions that blueprints get."""
