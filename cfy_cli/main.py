"""The command tree: every noun and its line of help, without importing any of them."""

import click

from cfy_cli import __version__
from cfy_cli.shell.app import App
from cfy_cli.shell.tree import Tree

# The nouns that come first when a beginning of a name is typed, whether they are here yet or not:
# scripts rely on these beginnings, so a noun added later must not make one of them mean something else.
ESTABLISHED = (
    "agents", "apply", "auditlog", "blueprints", "certificates", "cluster", "community", "config", "db-nodes",
    "deployments", "events", "executions", "groups", "idp", "init", "install", "ldap", "license", "log-bundles",
    "maintenance-mode", "managers", "node-instances", "nodes", "permissions", "plugins", "profiles", "secrets",
    "sites", "snapshots", "status", "tenants", "tokens", "uninstall", "user-groups", "users", "workflows",
)  # fmt: skip

NOUNS = {
    "api": "Send any request to the manager.",
    "completion": "Print the completion script of a shell.",
    "sites": "Handle sites.",
    "status": "Show the status of the manager.",
}


@click.group("cfy", cls=Tree, nouns=NOUNS, first=ESTABLISHED, new_app=App)
@click.version_option(__version__, "-V", "--version", prog_name="cfy")
def main() -> None:
    """Deploy and look after applications described in blueprints."""
