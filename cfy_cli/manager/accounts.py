"""Users of a manager on this machine, changed in its data folder without a login; the manager may run."""

from collections.abc import Iterator
from contextlib import contextmanager

from cfy_cli.errors import CfyError
from cfy_cli.manager.data_folder import check_owner
from cfy_cli.manager.maintenance import DATABASE
from cfy_cli.manager.process_secrets import private_files
from cfy_cli.manager.services.identity import passwords, users
from cfy_cli.manager.services.identity.access import DEFAULT_TENANT
from cfy_cli.manager.services.identity.bootstrap import ADMIN_FILE, write_admin_file
from cfy_cli.manager.settings import ManagerSettings
from cfy_cli.manager.store import schema
from cfy_cli.manager.store.database import Database
from cfy_cli.manager.store.scope import system_scope
from cfy_cli.manager.store.store import Store


@private_files()
def unlock(settings: ManagerSettings, username: str) -> None:
    """Let a user log in again after wrong passwords. Raises NotFound."""
    with _store(settings) as store:
        users.unlock(store, username)


@private_files()
def reset_password(settings: ManagerSettings, username: str, password: str | None) -> str:
    """Set the password of a user, a random one by default, and return it. Raises NotFound and Invalid."""
    new = password or passwords.generate_password()
    with _store(settings) as store:
        users.update(store, username, password=new)
        users.unlock(store, username)
        if username == users.ADMIN:  # before the commit: the owner of the folder must be able to read the password
            write_admin_file(settings.data_dir / ADMIN_FILE, new)
    return new


@contextmanager
def _store(settings: ManagerSettings) -> Iterator[Store]:
    """Open a transaction on the database of a manager. Raises CfyError when there is none of this version."""
    check_owner(settings.data_dir)
    if not settings.database_url and not (settings.data_dir / DATABASE).is_file():
        raise CfyError(f"There is no manager in {settings.data_dir}", hint="Give its folder with --data-dir.")
    database = Database(settings.database)
    try:
        schema.check_version(database)
        with database.write() as session:
            yield Store(session, system_scope(DEFAULT_TENANT))
    finally:
        database.close()
