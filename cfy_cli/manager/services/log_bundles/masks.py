"""Masking of every secret that the manager knows."""

import os
import re
from collections.abc import Iterator

from sqlalchemy import select

from cfy_cli.contract.json import Json
from cfy_cli.errors import CfyError
from cfy_cli.manager.engine.masking import MASK, Masking
from cfy_cli.manager.services.configuration.catalogue import ENTRIES
from cfy_cli.manager.services.configuration.configuration import Configuration
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.encryption.cipher import Cipher
from cfy_cli.manager.store.models import Secret, SecretsProvider

_SECRET_NAME = re.compile(r"pass|token|secret|credential|private_key|access_key|encryption_key", re.IGNORECASE)
_TOKEN = re.compile(r"\bctok-\w+-[\w-]+")
_LOGIN_IN_URL = re.compile(r"(\w+://[^/\s:@]+:)[^@\s]+@")
_AUTHORIZATION = re.compile(r"(?i)\b((?:basic|bearer)\s+)[\w+/=.~-]{8,}")


class SecretMask:
    """Hides, in text, all secrets of the manager, and what looks like a credential."""

    def __init__(self, app: AppContext) -> None:
        self._masking = Masking()
        for value in _secrets(app):
            self._masking.add_secret(value)

    def mask(self, text: str) -> str:
        text = self._masking.mask(text)
        text = _LOGIN_IN_URL.sub(rf"\1{MASK}@", _TOKEN.sub(MASK, text))
        return _AUTHORIZATION.sub(rf"\1{MASK}", text)

    def mask_values(self, values: Json) -> Json:
        """Hide secrets in JSON: values under names that say so too."""
        if isinstance(values, dict):
            return {
                name: MASK if _is_text(value) and _SECRET_NAME.search(name) else self.mask_values(value)
                for name, value in values.items()
            }
        if isinstance(values, list):
            return [self.mask_values(value) for value in values]
        return self.mask(values) if isinstance(values, str) else values


def _secrets(app: AppContext) -> Iterator[str]:
    settings = app.settings
    yield from (text for text in (settings.encryption_key, settings.database_password) if text)
    if app.database.url.password:
        yield str(app.database.url.password)
    yield from (value for name, value in os.environ.items() if _SECRET_NAME.search(name) and value)
    configuration = app.service(Configuration)
    for entry in ENTRIES:
        if entry.is_secret and (value := configuration.get(entry.full_name)):
            yield str(value)
    with app.database.read() as session:
        stored = [
            *session.scalars(select(Secret.encrypted_value)),
            *session.scalars(select(SecretsProvider.encrypted_parameters)),
        ]
    cipher = app.service(Cipher)
    for encrypted in filter(None, stored):
        try:
            yield cipher.decrypt(encrypted)
        except CfyError:  # its key is lost, so nothing has written it to the log
            continue


def _is_text(value: Json) -> bool:
    return isinstance(value, str) and bool(value)
