"""The blueprint language: text in; a plan, or all problems with their places, out.

Pure: no HTTP, no database, no terminal. The manager uses it for uploads and deployments, `cfy blueprints lint` offline.
"""
