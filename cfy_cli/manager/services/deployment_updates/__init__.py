"""Records of deployment updates, whose state follows that of their executions."""
