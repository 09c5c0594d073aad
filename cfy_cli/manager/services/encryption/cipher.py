"""Encryption of secrets at rest, with a key from the settings or from a file in the data folder."""

from cryptography.fernet import Fernet, InvalidToken

from cfy_cli.errors import Invalid, Unavailable
from cfy_cli.manager.process_secrets import ENCRYPTION_KEY_VARIABLE
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.encryption.key_files import RESTORE_HINT, load_or_create_key, read_key
from cfy_cli.manager.store.files import DISK_FULL

LEFT_OUT = "There is no value: the snapshot that this manager was restored from was created without credentials"


class Cipher:
    """Encrypts and decrypts text; all processes of one manager share the key."""

    def __init__(self, app: AppContext) -> None:
        self.key_file = app.settings.data_dir / "secrets.key"
        key = app.settings.encryption_key
        self._fernet = _create_fernet(key.encode()) if key else None

    def encrypt(self, text: str, *, like: str | None = None) -> str:
        """Encrypt text; create the key if there is none.

        `like` is any text that was encrypted before. Raises Unavailable when it was encrypted with another key.
        """
        if like is None:
            return self._load(create=True).encrypt(text.encode()).decode()
        self.decrypt(like)
        return self._load().encrypt(text.encode()).decode()

    def decrypt(self, encrypted: str) -> str:
        """Decrypt text. Raises Unavailable when it was encrypted with another key, and Invalid when there is none."""
        if not encrypted:
            raise Invalid(LEFT_OUT, hint="Set it again, for instance: cfy secrets update KEY")
        try:
            return self._load().decrypt(encrypted.encode()).decode()
        except InvalidToken:
            hint = f"Restore the file {self.key_file}, or start the manager with the right ${ENCRYPTION_KEY_VARIABLE}."
            raise Unavailable(
                "The manager's encryption key is not the one that its secrets were encrypted with", hint=hint
            ) from None

    def close(self) -> None:
        """Do nothing: a key holds no resources."""

    def _load(self, *, create: bool = False) -> Fernet:
        if self._fernet is None:
            file = self.key_file
            try:
                key = load_or_create_key(file, Fernet.generate_key) if create else read_key(file)
            except OSError as error:
                if error.errno in DISK_FULL:
                    raise
                raise Unavailable(
                    f"The manager's encryption key cannot be read: {file}: {error.strerror}",
                    hint=f"Restore the file, or start the manager with the key in ${ENCRYPTION_KEY_VARIABLE}.",
                ) from error
            try:
                self._fernet = _create_fernet(key.strip())
            except Invalid as error:
                raise Unavailable(f"The key file {file} is damaged", hint=f"Restore it: {RESTORE_HINT}") from error
        return self._fernet


def _create_fernet(key: bytes) -> Fernet:
    try:
        return Fernet(key)
    except ValueError:
        raise Invalid(
            "The manager's encryption key is not valid: it must be 32 bytes in base64",
            hint="Create one: openssl rand -base64 32",
        ) from None
