"""First start of a manager: create its tables, the default tenant and the administrator."""

import json
import os
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from cfy_cli.manager.services.configuration import shared_keys
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.filters import add_system_filters
from cfy_cli.manager.services.identity import passwords, role_permissions
from cfy_cli.manager.services.identity.access import DEFAULT_TENANT
from cfy_cli.manager.services.identity.users import ADMIN
from cfy_cli.manager.store import schema
from cfy_cli.manager.store.advisory_locks import LockKey, acquire_lock
from cfy_cli.manager.store.leftovers import check_database, remember_database, remove_leftovers
from cfy_cli.manager.store.models import Membership, Tenant, User

ADMIN_FILE = "admin.json"  # {"username", "password"}: lets the owner of the data folder log in


def bootstrap(app: AppContext, password: str | None = None) -> None:
    """Prepare the data folder and the database, and remove what requests that were interrupted have left there.

    Without a password for the administrator, a random one is generated. Raises Failed when the files in the data
    folder belong to another database, or the database has another encryption key.
    """
    app.settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    app.files.prepare()
    schema.prepare(app.database, is_new=not (app.settings.data_dir / ADMIN_FILE).exists())
    check_database(app.database, app.files)
    shared_keys.verify(app)
    with app.database.write() as session:
        acquire_lock(session, LockKey.FIRST_START)
        role_permissions.add_new(session)
    _create_administrator(app, password or app.settings.admin_password)
    with app.database.write() as session:
        acquire_lock(session, LockKey.FIRST_START)
        add_system_filters(session, DEFAULT_TENANT, ADMIN)
    remember_database(app.database, app.files)
    remove_leftovers(app.database, app.files)


def _create_administrator(app: AppContext, password: str) -> None:
    with app.database.write() as session:
        acquire_lock(session, LockKey.FIRST_START)
        if session.scalar(select(User.storage_id).limit(1)) is not None:
            _keep_shared_login(app, session, password)
            return
        password = password or passwords.generate_password()
        # The file comes first: if the process ends in between, nobody would know the password in the database.
        write_admin_file(app.settings.data_dir / ADMIN_FILE, password)
        admin = User(username=ADMIN, password=passwords.hash_password(password), role="sys_admin")
        session.add(Tenant(name=DEFAULT_TENANT, members=[Membership(user=admin, role="user")]))


def _keep_shared_login(app: AppContext, session: Session, password: str) -> None:
    """Let the owner of this data folder log in as well, where another machine has created the administrator."""
    file = app.settings.data_dir / ADMIN_FILE
    known = session.scalar(select(User.password).where(User.username == ADMIN))
    if password and known and not file.exists() and passwords.matches(known, password):
        write_admin_file(file, password)


def write_admin_file(path: Path, password: str) -> None:
    temporary = path.with_suffix(".new")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump({"username": ADMIN, "password": password}, file)
    temporary.replace(path)
