"""Root of the command tree: names and summaries of all commands, without importing them."""

from typing import TYPE_CHECKING

import click

from cfy_cli import __version__
from cfy_cli.shell.app import App
from cfy_cli.shell.command_tree import RootGroup

if TYPE_CHECKING:
    from cfy_cli.config.profiles import Profile

# Commands that win when a prefix is typed, whether they exist here or not. Scripts rely on these prefixes, so a command
# that is added later must not change their meaning.
PREFERRED = (
    "agents", "apply", "auditlog", "blueprints", "certificates", "cluster", "community", "config", "db-nodes",
    "deployments", "events", "executions", "groups", "idp", "init", "install", "ldap", "license", "log-bundles",
    "maintenance-mode", "managers", "node-instances", "nodes", "permissions", "plugins", "profiles", "secrets",
    "sites", "snapshots", "status", "tenants", "tokens", "uninstall", "user-groups", "users", "workflows",
)  # fmt: skip

SUMMARIES = {
    "agents": "Manage agents on the hosts of deployments.",
    "api": "Send any request to the manager.",
    "apply": "Install a blueprint as a deployment.",
    "auditlog": "Manage the audit log: who has changed what, and when.",
    "blueprints": "Manage blueprints.",
    "certificates": "Prepare the replacement of certificates.",
    "cluster": "Manage the cluster of managers.",
    "community": "Register with the community edition of the manager.",
    "completion": "Print the completion script of a shell.",
    "config": "Manage the configuration of the manager.",
    "db-nodes": "Manage the nodes of the database.",
    "deployments": "Manage deployments.",
    "docs": "Read the documentation.",
    "doctor": "Check the connection and the manager for problems.",
    "events": "Manage events and logs of executions.",
    "executions": "Manage executions of workflows.",
    "explain": "Explain a type, function, workflow, rule or command.",
    "groups": "Show the groups of nodes in deployments.",
    "idp": "Show the identity provider of the manager.",
    "init": "Begin to work with the manager on this machine.",
    "install": "Upload a blueprint, create a deployment and install it.",
    "ldap": "Let an LDAP directory verify the passwords of users.",
    "license": "Manage the license of the manager.",
    "log-bundles": "Manage log bundles: archives of the manager's logs.",
    "logs": "Show the events and logs of the newest execution.",
    "maintenance-mode": "Manage the maintenance mode of the manager.",
    "manager": "Run a manager on this machine.",
    "managers": "Manage the manager nodes of a cluster.",
    "metrics": "Show metrics of executions, workflows and tasks.",
    "node-instances": "Manage node instances of deployments.",
    "nodes": "Manage nodes of deployments.",
    "permissions": "Manage the permissions of roles.",
    "plan": "Show what an installation or an update would do.",
    "plugins": "Manage plugins.",
    "profiles": "Manage profiles: addresses and credentials of managers.",
    "quickstart": "Deploy a small example on this machine.",
    "secrets": "Manage secrets.",
    "sites": "Manage sites of deployments.",
    "snapshots": "Manage snapshots: archives of the whole manager.",
    "status": "Show the status of the manager.",
    "tenants": "Manage tenants, their users and their user groups.",
    "tokens": "Manage authentication tokens.",
    "types": "Show the types that blueprints may use.",
    "uninstall": "Uninstall and delete a deployment and its blueprint.",
    "user-groups": "Manage groups of users, who share roles.",
    "users": "Manage users.",
    "workflows": "Manage workflows of deployments.",
}


def start_embedded(app: App) -> "Profile":
    """Start the manager on this machine if it is not running; return its profile."""
    from cfy_cli.commands.manager import ensure_running

    return ensure_running(app)


@click.group(
    "cfy", cls=RootGroup, summaries=SUMMARIES, preferred=PREFERRED, new_app=lambda: App(autostart=start_embedded)
)
@click.version_option(__version__, "-V", "--version", prog_name="cfy")
def main() -> None:
    """Deploy and manage applications described in blueprints.

    New here? `cfy quickstart` deploys a small example on this machine and shows the next steps.
    """
