"""The command tree: every noun and its line of help, without importing any of them."""

from typing import TYPE_CHECKING

import click

from cfy_cli import __version__
from cfy_cli.shell.app import App
from cfy_cli.shell.command_tree import RootGroup

if TYPE_CHECKING:
    from cfy_cli.config.profiles import Profile

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
    "blueprints": "Handle blueprints.",
    "completion": "Print the completion script of a shell.",
    "deployments": "Handle deployments.",
    "doctor": "Look for what is wrong, from the profile to the manager.",
    "events": "Handle the events of executions.",
    "executions": "Handle executions of workflows.",
    "install": "Upload a blueprint, deploy it and install it.",
    "manager": "Run a manager on this machine.",
    "managers": "Handle the machines that a manager is made of.",
    "node-instances": "Handle node instances.",
    "nodes": "Handle nodes of deployments.",
    "plugins": "Handle plugins.",
    "profiles": "Handle profiles: which manager to use, and as whom.",
    "quickstart": "Deploy a small example on this machine.",
    "secrets": "Handle secrets: values that blueprints use without holding them.",
    "sites": "Handle sites.",
    "status": "Show the status of the manager.",
    "tenants": "Handle tenants.",
    "tokens": "Handle tokens for logging in.",
    "uninstall": "Uninstall a deployment and delete it with its blueprint.",
    "users": "Handle users.",
    "workflows": "Handle workflows of deployments.",
}


def start_embedded(app: App) -> "Profile":
    """The profile of the manager on this machine, which is started if it does not run."""
    from cfy_cli.commands.manager import ensure_running

    return ensure_running(app)


@click.group("cfy", cls=RootGroup, nouns=NOUNS, first=ESTABLISHED, new_app=lambda: App(autostart=start_embedded))
@click.version_option(__version__, "-V", "--version", prog_name="cfy")
def main() -> None:
    """Deploy and look after applications described in blueprints.

    New here? `cfy quickstart` deploys a small example on this machine, and says what to type next.
    """
