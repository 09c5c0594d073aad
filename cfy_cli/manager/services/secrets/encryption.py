"""Text encrypted at rest, with a key that is a file in the data folder or is given to the manager."""

from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from cfy_cli.errors import Failed, Invalid
from cfy_cli.manager.services.identity.key_files import key_in
from cfy_cli.manager.settings import ENCRYPTION_KEY_VARIABLE


class Cipher:
    """One for each process; those of one manager share the key."""

    def __init__(self, file: Path, given: str = "") -> None:
        self._file = file
        self._fernet = _fernet(given.encode()) if given else None

    def seal(self, text: str, *, like: str | None = None) -> str:
        """Encrypt it. `like` is any text sealed before: raises Failed when that needs another key than ours.

        The first use makes the key.
        """
        if like is None:
            return self._ready(make=True).encrypt(text.encode()).decode()
        self.open(like)
        return self._ready().encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """Raises Failed when it was sealed with another key."""
        try:
            return self._ready().decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise Failed(
                "The manager's encryption key is not the one that its secrets were encrypted with",
                hint=f"Put back the file {self._file}, or start the manager with the right ${ENCRYPTION_KEY_VARIABLE}.",
            ) from None

    def _ready(self, *, make: bool = False) -> Fernet:
        if self._fernet is None:
            try:
                key = key_in(self._file, Fernet.generate_key) if make else self._file.read_bytes()
            except OSError as error:
                raise Failed(
                    f"The manager's encryption key cannot be read: {self._file}: {error.strerror}",
                    hint=f"Put the file back, or start the manager with the key in ${ENCRYPTION_KEY_VARIABLE}.",
                ) from error
            self._fernet = _fernet(key.strip())
        return self._fernet


def _fernet(key: bytes) -> Fernet:
    try:
        return Fernet(key)
    except ValueError:
        raise Invalid(
            "The manager's encryption key is no key: it is 32 bytes in base64",
            hint="Make one: openssl rand -base64 32",
        ) from None
