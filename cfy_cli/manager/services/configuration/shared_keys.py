"""Keys that all machines of one database share.

Each machine has the key of the secrets in its settings or its data folder. The others are in the database, encrypted
with that one.
"""

import logging
from collections.abc import Callable

from sqlalchemy import select

from cfy_cli.errors import CfyError, Failed
from cfy_cli.manager.process_secrets import ENCRYPTION_KEY_VARIABLE
from cfy_cli.manager.services.configuration.stored_secrets import encrypt
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.encryption.cipher import Cipher
from cfy_cli.manager.services.encryption.key_files import load_or_create_key
from cfy_cli.manager.store.advisory_locks import LockKey, acquire_lock
from cfy_cli.manager.store.models import SharedKey

log = logging.getLogger(__name__)
CHECK = "check"  # any text: who decrypts it has the key that everything else was encrypted with


def verify(app: AppContext) -> None:
    """Raise Failed unless our key of the secrets is the one with which the others of this database encrypt."""
    if app.database.is_sqlite:  # the key is in the folder of the database, and created when it is needed
        return
    cipher = app.service(Cipher)
    with app.database.write() as session:
        acquire_lock(session, LockKey.FIRST_START)
        known = session.scalar(select(SharedKey.value).where(SharedKey.name == CHECK))
        if known is None:
            try:
                session.add(SharedKey(name=CHECK, value=encrypt(app, session, CHECK)))
            except CfyError as error:  # what is encrypted cannot be read until the key is there again
                log.warning("%s", error)
            return
    try:
        cipher.decrypt(known)
    except CfyError as error:
        address = app.database.url.set(drivername="postgresql")  # shown without its password
        raise Failed(
            f"The database {address} is encrypted with another key than the one here",
            hint=f"Copy the file {cipher.key_file.name} of the first machine to {cipher.key_file}, or start the "
            f"managers of all machines with the same ${ENCRYPTION_KEY_VARIABLE}.",
        ) from error


def load_key(app: AppContext, file_name: str, generate: Callable[[], bytes]) -> bytes:
    """Return a key that is generated when it is first needed."""
    if app.database.is_sqlite:
        return load_or_create_key(app.settings.data_dir / file_name, generate)
    cipher, name = app.service(Cipher), file_name
    find = select(SharedKey.value).where(SharedKey.name == name)
    with app.database.read() as session:
        known = session.scalar(find)
    if known is None:
        with app.database.write() as session:
            acquire_lock(session, LockKey.FIRST_START)
            known = session.scalar(find)
            if known is None:
                known = encrypt(app, session, generate().hex())
                session.add(SharedKey(name=name, value=known))
    return bytes.fromhex(cipher.decrypt(known))
