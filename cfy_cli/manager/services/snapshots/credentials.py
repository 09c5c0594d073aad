"""Credentials on their way from one manager to another, which has another key."""

from cryptography.fernet import Fernet, InvalidToken

from cfy_cli.errors import Invalid
from cfy_cli.manager.services.encryption.cipher import Cipher


class Export:
    """Decrypts with the key of the manager, and encrypts with a new key that goes into the snapshot.

    Without credentials there is no key, and no values.
    """

    def __init__(self, cipher: Cipher, *, with_credentials: bool) -> None:
        self._cipher = cipher
        self.key = Fernet.generate_key().decode() if with_credentials else None

    def __call__(self, encrypted: str) -> str:
        if self.key is None:
            return ""
        return Fernet(self.key).encrypt(self._cipher.decrypt(encrypted).encode()).decode()


class Import:
    """Decrypts with the key of the snapshot, and encrypts with that of the manager."""

    def __init__(self, cipher: Cipher, key: str | None) -> None:
        self._cipher, self._key = cipher, key

    def __call__(self, encrypted: str) -> str:
        """Raise Invalid for a damaged value."""
        try:
            text = Fernet(self._key or "").decrypt(encrypted.encode()).decode()
        except (InvalidToken, ValueError):
            raise Invalid("The snapshot is damaged: a credential in it does not match its key") from None
        return self._cipher.encrypt(text)
