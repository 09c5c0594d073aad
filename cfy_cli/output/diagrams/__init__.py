"""Diagrams of the nodes of a blueprint or of the node instances of a deployment, as Mermaid, DOT or SVG."""
