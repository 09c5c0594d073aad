"""Encryption with a passphrase, in the form in which managers of this API exchange secrets.

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

MIN_LENGTH = 8  # characters
SALT, ITERATIONS = b"salt_", 100_000  # the same on all managers, which must decrypt what others have encrypted
VERSION = b"\x80"
BLOCK_SIZE, SIGNATURE_SIZE, HEADER_SIZE = 16, 32, 1 + 8  # bytes; the header is the version and the time


class Passphrase:
    """A key derived from a passphrase; deriving it takes about 50 milliseconds."""

    def __init__(self, text: str) -> None:
        if len(text) < MIN_LENGTH:
            raise Invalid(f"The passphrase is too short: give at least {MIN_LENGTH} characters")
        key = PBKDF2HMAC(hashes.SHA256(), 64, SALT, ITERATIONS).derive(text.encode())
        self._signing_key, self._encryption_key = key[:32], key[32:]

    def encrypt(self, text: str) -> str:
        vector = os.urandom(BLOCK_SIZE)
        padder = padding.PKCS7(BLOCK_SIZE * 8).padder()
        plain = padder.update(text.encode()) + padder.finalize()
        encryptor = self._cipher(vector).encryptor()
        header = VERSION + int(time.time()).to_bytes(8, "big")
        body = header + vector + encryptor.update(plain) + encryptor.finalize()
        return base64.urlsafe_b64encode(body + self._sign(body).finalize()).decode()

    def decrypt(self, token: str) -> str:
        """Decrypt text. Raises Invalid when it was encrypted with another passphrase."""
        try:
            data = base64.urlsafe_b64decode(token)
            body, signature = data[:-SIGNATURE_SIZE], data[-SIGNATURE_SIZE:]
            self._sign(body).verify(signature)
            start = HEADER_SIZE + BLOCK_SIZE
            decryptor = self._cipher(body[HEADER_SIZE:start]).decryptor()
            plain = decryptor.update(body[start:]) + decryptor.finalize()
            unpadder = padding.PKCS7(BLOCK_SIZE * 8).unpadder()
            return (unpadder.update(plain) + unpadder.finalize()).decode()
        except (InvalidSignature, binascii.Error, ValueError):
            raise Invalid("It was encrypted with another passphrase, or is damaged") from None

    def _cipher(self, vector: bytes) -> Cipher[modes.CBC]:
        return Cipher(algorithms.AES(self._encryption_key), modes.CBC(vector))

    def _sign(self, body: bytes) -> HMAC:
        signature = HMAC(self._signing_key, hashes.SHA256())
        signature.update(body)
        return signature
