"""Faults at chosen steps: in this process, or in processes of a manager that find `sitecustomize` on their path."""
