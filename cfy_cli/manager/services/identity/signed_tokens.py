"""Tokens that are signed and not stored: they say what they came from, and end with it."""

import hashlib
import secrets
from dataclasses import astuple, dataclass
from functools import partial

from itsdangerous import BadData, URLSafeSerializer

from cfy_cli.manager.services.configuration import shared_keys
from cfy_cli.manager.services.context import AppContext

KEY_FILE = "token.key"


@dataclass(frozen=True, slots=True)
class SignedToken:
    """Content of a token: whose it is, from which stored token it came, and its end."""

    user_storage_id: int
    stamp: str  # of the user when the token was signed
    token_id: str | None  # None after a login with a password
    expires_at: str


class TokenSigner:
    """Signs tokens and verifies them, with a key that all servers of the manager share."""

    def __init__(self, app: AppContext) -> None:
        self._app = app
        self._key = b""

    def sign(self, token: SignedToken) -> str:
        return str(self.serializer().dumps(astuple(token)))

    def verify(self, value: str) -> SignedToken | None:
        """Return the content of a token, None if this manager did not sign it; whether it has ended is not checked."""
        try:
            content = self.serializer().loads(value)
        except BadData:
            return None
        return SignedToken(*content) if isinstance(content, list) else None  # text was signed by former versions

    def close(self) -> None:
        """Do nothing: a key holds no resources."""

    def serializer(self, purpose: str = "token") -> URLSafeSerializer:
        """Return what signs with the key of the manager; a signature is valid for one purpose."""
        if not self._key or self._app.database.is_sqlite:  # whose backup may be restored, with its key
            self._key = shared_keys.load_key(self._app, KEY_FILE, partial(secrets.token_bytes, 32))
        return URLSafeSerializer(self._key, salt=purpose, signer_kwargs={"digest_method": hashlib.sha256})
