"""`cfy ldap`."""

from __future__ import annotations

from pathlib import Path

import click

from cfy_cli.errors import Usage
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import CommandGroup


@click.group("ldap", cls=CommandGroup)
def cli() -> None:
    """Let an LDAP directory verify the passwords of users."""


@cli.command("set")
@click.option("-s", "--ldap-server", required=True, help="The address: ldap://HOST:PORT or ldaps://HOST:PORT.")
@click.option(
    "-u", "--ldap-username", help="The name to search the directory with; without it, users search for themselves."
)
@click.option("-p", "--ldap-password", help="The password of --ldap-username.")
@click.option("-d", "--ldap-domain", help="The domain, such as example.com.")
@click.option("-a", "--ldap-is-active-directory", is_flag=True, help="Use the defaults for Active Directory.")
@click.option("-e", "--ldap-dn-extra", help="What stands before the domain in DNs; --ldap-base-dn replaces it.")
@click.option(
    "-c", "--ldap-ca-path", type=click.Path(dir_okay=False), help="The certificate of the authority, with ldaps only."
)
@click.option("--ldap-base-dn", help="The DN below which users are; by default that of the domain.")
@click.option("--ldap-group-dn", help="The DN below which groups are; by default ou=groups,{base_dn}.")
@click.option("--ldap-bind-format", help="The name that users bind with, such as uid={username},{base_dn}.")
@click.option("--ldap-user-filter", help="The filter that finds a user, such as uid={username}.")
@click.option("--ldap-group-member-filter", help="The filter that finds groups of a member: member={object_dn}.")
@click.option("--ldap-attribute-email", help="The attribute with the email address.")
@click.option("--ldap-attribute-first-name", help="The attribute with the first name.")
@click.option("--ldap-attribute-last-name", help="The attribute with the last name.")
@click.option("--ldap-attribute-uid", help="The attribute with the name of the user; by default uid.")
@click.option("--ldap-attribute-group-membership", help="The attribute with the groups; by default memberOf.")
@click.option("--ldap-nested-levels", type=click.IntRange(0), help="The levels of groups in groups; by default 1.")
@pass_app
def set_ldap(app: App, ldap_ca_path: str | None, **fields: object) -> None:
    """Let an LDAP directory verify the passwords of all users but the administrator `admin`."""
    if bool(fields["ldap_username"]) != bool(fields["ldap_password"]):
        raise Usage("--ldap-username and --ldap-password require each other")
    certificate = _read_certificate(ldap_ca_path) if ldap_ca_path else {}
    settings = app.client.http.item("POST", "ldap", json={**fields, **certificate})
    app.result("LDAP authentication set", settings)


@cli.command("status")
@pass_app
def show_status(app: App) -> None:
    """Show whether an LDAP directory verifies passwords: enabled or disabled."""
    status = app.client.http.request("GET", "ldap")
    app.result(str(status), status)


def _read_certificate(path: str) -> dict[str, str]:
    try:
        return {"ldap_ca_cert": Path(path).read_text("utf-8")}
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise Usage(f"The certificate {path} cannot be read: {reason}") from None
