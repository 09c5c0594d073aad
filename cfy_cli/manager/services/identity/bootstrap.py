"""The first start: a tenant, an administrator, a password nobody could guess."""

import json
import os
from pathlib import Path

from sqlalchemy import select

from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity import passwords
from cfy_cli.manager.services.identity.access import DEFAULT_TENANT
from cfy_cli.manager.services.identity.users import ADMIN
from cfy_cli.manager.store import schema
from cfy_cli.manager.store.models import Membership, Tenant, User

ADMIN_FILE = "admin.json"  # {"username", "password"}, for whoever owns the data folder


def found(app: AppContext, password: str | None = None) -> None:
    """Make the folder and the database ready; safe to call at every start."""
    app.settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    app.files.create_folders()
    schema.prepare(app.database)
    with app.database.write() as session:
        if session.scalar(select(User.storage_id).limit(1)) is not None:
            return
        password = password or passwords.invented()
        # The file first: a password that is stored only hashed and written nowhere would lock everybody out.
        _keep(app.settings.data_dir / ADMIN_FILE, password)
        admin = User(username=ADMIN, password=passwords.hashed(password), role="sys_admin")
        session.add(Tenant(name=DEFAULT_TENANT, members=[Membership(user=admin, role="user")]))


def _keep(path: Path, password: str) -> None:
    beside = path.with_suffix(".new")
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump({"username": ADMIN, "password": password}, file)
    beside.replace(path)
