"""Text encrypted with a passphrase, in the form in which managers of this API exchange secrets.

The form is that of Fernet tokens with longer keys: AES-256 where Fernet has AES-128.
"""

import base64
import binascii
import os
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from cfy_cli.errors import Invalid

SHORTEST = 8  # characters
SALT, ROUNDS = b"salt_", 100_000  # the same for all managers, or they could not read each other
VERSION, BLOCK, TAG, HEAD = b"\x80", 16, 32, 1 + 8  # bytes


class Passphrase:
    """A key made of a passphrase; making it takes a moment."""

    def __init__(self, text: str) -> None:
        if len(text) < SHORTEST:
            raise Invalid(f"The passphrase is too short: it has at least {SHORTEST} characters")
        key = PBKDF2HMAC(hashes.SHA256(), 64, SALT, ROUNDS).derive(text.encode())
        self._signing, self._encrypting = key[:32], key[32:]

    def encrypt(self, text: str) -> str:
        start = os.urandom(BLOCK)
        padder = padding.PKCS7(BLOCK * 8).padder()
        plain = padder.update(text.encode()) + padder.finalize()
        encryptor = self._cipher(start).encryptor()
        body = VERSION + int(time.time()).to_bytes(8, "big") + start + encryptor.update(plain) + encryptor.finalize()
        return base64.urlsafe_b64encode(body + self._signature(body).finalize()).decode()

    def decrypt(self, token: str) -> str:
        """Raises Invalid when it was not encrypted with this passphrase."""
        try:
            data = base64.urlsafe_b64decode(token)
            body, tag = data[:-TAG], data[-TAG:]
            self._signature(body).verify(tag)
            decryptor = self._cipher(body[HEAD : HEAD + BLOCK]).decryptor()
            plain = decryptor.update(body[HEAD + BLOCK :]) + decryptor.finalize()
            unpadder = padding.PKCS7(BLOCK * 8).unpadder()
            return (unpadder.update(plain) + unpadder.finalize()).decode()
        except (InvalidSignature, binascii.Error, ValueError):
            raise Invalid("It was encrypted with another passphrase, or is damaged") from None

    def _cipher(self, start: bytes) -> Cipher[modes.CBC]:
        return Cipher(algorithms.AES(self._encrypting), modes.CBC(start))

    def _signature(self, body: bytes) -> HMAC:
        signature = HMAC(self._signing, hashes.SHA256())
        signature.update(body)
        return signature
