"""Encryption of what is stored: every value in the database has the same key."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from cfy_cli.manager.services.configuration.catalogue import ENTRIES
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.encryption.cipher import Cipher
from cfy_cli.manager.store.models import ConfigValue, Secret, SecretsProvider, SharedKey

_IS_SECRET = ConfigValue.name.in_([entry.name for entry in ENTRIES if entry.is_secret])
_ENCRYPTED = (
    select(Secret.encrypted_value).where(Secret.encrypted_value != ""),
    select(SecretsProvider.encrypted_parameters),
    select(ConfigValue.value).where(_IS_SECRET),
    select(SharedKey.value),
)


def encrypt(app: AppContext, session: Session, text: str) -> str:
    """Encrypt text for the database. Raises Unavailable when other rows were encrypted with another key."""
    stored = (value for statement in _ENCRYPTED for value in session.scalars(statement.limit(2)) if value)
    like = next(stored, None)
    return app.service(Cipher).encrypt(text, like=None if like is None else str(like))
