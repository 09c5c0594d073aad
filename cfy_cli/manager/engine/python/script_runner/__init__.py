"""Running of scripts by the code of plugins; operations that are scripts are run by the manager."""
