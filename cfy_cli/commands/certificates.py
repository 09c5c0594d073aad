"""`cfy certificates`: the replacement of certificates of a manager and its cluster."""

from __future__ import annotations

import os
from pathlib import Path

import click

from cfy_cli.client.collection import Item
from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.errors import CfyError, Forbidden
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.cluster_profile import ClusterNodes, read_nodes
from cfy_cli.shell.command_tree import CommandGroup

CONFIG_PATH = "certificates_replacement_config.yaml"
MANAGER = ("internal", "external", "postgresql_client", "prometheus")  # kinds of certificates, each with its key
OF_SERVICES = ("postgresql_server", "rabbitmq")


@click.group("certificates", cls=CommandGroup)
def cli() -> None:
    """Prepare the replacement of certificates."""


@cli.command("generate-replace-config")
@click.option("-o", "--output-path", help=f"The file to write; by default {CONFIG_PATH}.")
@pass_app
def generate_config(app: App, output_path: str | None) -> None:
    """Write a file in which the new certificates of the manager's machines are named."""
    from cfy_cli.config.paths import write_private
    from cfy_cli.output.formats import dump_yaml

    path = output_path or CONFIG_PATH
    config = _describe(app)
    try:
        write_private(Path(os.path.expanduser(path)), dump_yaml(config))
    except OSError as error:
        raise CfyError(f"Cannot write {path}: {error.strerror}") from error
    app.result(f"The certificates replacement configuration was saved to {path}", {"path": path})


@cli.command("replace")
@click.option("-i", "--input-path", help=f"The file with the new certificates; by default {CONFIG_PATH}.")
@pass_app
def replace_certificates(app: App, input_path: str | None) -> None:
    """Check the file with the new certificates, and say what to run on the manager's machines.

    Certificates are replaced on these machines themselves; this command changes nothing there.
    """
    from cfy_cli.shell.inputs import read_inputs

    _find_nodes(app)
    username = app.connection.username
    if username and app.client.users.get(username).get("role") != "sys_admin":
        raise Forbidden(f"Only system administrators replace certificates, and user `{username}` is none")
    path = os.path.expanduser(input_path or CONFIG_PATH)
    if not os.path.isfile(path):
        raise CfyError(f"The file {path} does not exist", hint="Create it: cfy certificates generate-replace-config")
    problems = list(_find_problems(read_inputs([path], dict, any_key=True), ""))
    if problems:
        raise CfyError(f"{path} cannot be used:\n" + "\n".join(problems), hint="Nothing was changed.")
    raise CfyError(
        f"{path} can be used, but nothing was changed: certificates are replaced on the machines of the manager",
        hint="On each of them: cfy_manager certificates replace -i FILE",
    )


def _find_nodes(app: App) -> ClusterNodes:
    """Return the machines of the manager. Raises CfyError for a manager without certificates."""
    nodes = read_nodes(app)
    if nodes.is_one_program:
        raise CfyError(
            "This manager has no certificates that could be replaced: nothing was changed",
            hint="It speaks HTTP; where a proxy with TLS is before it, replace the certificates of the proxy.",
        )
    return nodes


def _describe(app: App) -> JsonObject:
    """Return the content of the file, in which all paths are empty."""
    nodes = _find_nodes(app)
    managers, brokers, databases = nodes.managers, nodes.brokers, nodes.databases
    own = [name for kind in MANAGER for name in _pair(kind)] + ["new_prometheus_ca_cert", "new_prometheus_ca_key"]
    shared = ("new_ca_cert", "new_ca_key", "new_external_ca_cert", "new_external_ca_key", "new_ldap_ca_cert")
    hosts = {str(each.get("host")) for each in (*brokers, *databases)}
    if len(managers) == len(brokers) == len(databases) == 1 and hosts == {str(managers[0].get("private_ip"))}:
        server = OF_SERVICES[0]
        return {
            "manager": _empty((*own, *shared)),
            server: _empty((*_pair(server), f"new_{server}_ca_cert", f"new_{server}_ca_key")),
            "rabbitmq": _empty(_pair("rabbitmq")),
        }
    of_node = ("new_cert", "new_key", *(name for name in own if "prometheus" in name))
    return {
        "manager": {**_members(managers, "private_ip", own), **_empty(shared)},
        "postgresql_server": {**_members(databases, "host", of_node), **_empty(("new_ca_cert", "new_ca_key"))},
        "rabbitmq": {**_members(brokers, "host", of_node), **_empty(("new_ca_cert", "new_ca_key"))},
    }


def _pair(kind: str) -> tuple[str, str]:
    return f"new_{kind}_cert", f"new_{kind}_key"


def _empty(names: tuple[str, ...]) -> JsonObject:
    return dict.fromkeys(names, "")


def _members(nodes: list[Item], address: str, names: tuple[str, ...] | list[str]) -> JsonObject:
    return {"cluster_members": [{"host_ip": str(node.get(address)), **_empty(tuple(names))} for node in nodes]}


def _find_problems(section: Json, where: str) -> list[str]:
    """Return what is wrong with the certificates that a part of the file names, as lines."""
    if isinstance(section, list):
        return [line for item in section for line in _find_problems(item, where)]
    if not isinstance(section, dict):
        return []
    problems = []
    for name, value in section.items():
        here = f"{where}{name}"
        if isinstance(value, dict | list):
            problems += _find_problems(value, f"{here}.")
        elif value and name.startswith("new_"):
            if not os.path.isfile(os.path.expanduser(str(value))):
                problems.append(f"{here}: the file {value} does not exist")
            other = name[: -len("_cert")] + "_key" if name.endswith("_cert") else name[: -len("_key")] + "_cert"
            if other in section and not section[other] and "ca_" not in name:
                problems.append(f"{here}: {other} is needed with it")
    return problems
