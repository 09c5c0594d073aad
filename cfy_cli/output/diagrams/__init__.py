"""Pictures of a blueprint's nodes or of a deployment's node instances: as Mermaid, DOT or SVG."""
