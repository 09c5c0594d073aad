"""Tokens that are signed and not stored: they say what they came from, and end with it."""

import hashlib
import secrets
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path

from itsdangerous import BadData, URLSafeSerializer

from cfy_cli.manager.services.encryption.key_files import load_or_create_key

KEY_FILE = "token.key"


@dataclass(frozen=True, slots=True)
class SignedToken:
    """Content of a token: whose it is, from which stored token it came, and its end."""

    user_storage_id: int
    stamp: str  # of the user when the token was signed
    token_id: str | None  # None after a login with a password
    expires_at: str


def sign(data_dir: Path, token: SignedToken) -> str:
    return str(_serializer(data_dir).dumps(astuple(token)))


def verify(data_dir: Path, value: str) -> SignedToken | None:
    """Return the content of a token, None if this manager did not sign it; whether it has ended is not checked."""
    try:
        content = _serializer(data_dir).loads(value)
    except BadData:
        return None
    return SignedToken(*content) if isinstance(content, list) else None  # text was signed by former versions


def _serializer(data_dir: Path) -> URLSafeSerializer:
    key = load_or_create_key(data_dir / KEY_FILE, partial(secrets.token_bytes, 32))
    return URLSafeSerializer(key, salt="token", signer_kwargs={"digest_method": hashlib.sha256})
