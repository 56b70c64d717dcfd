"""What the database must keep, but not in a form that a copy of it gives away: sealed text.

With ``SECRET_KEY`` for what only Karani is to read. Or with a token that is stored nowhere, so that
only its holder can have the text read.
"""

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class CannotOpen(Exception):
    """The text was sealed with another key, or is no sealed text."""


def seal(text: str, *, token: str = "") -> str:
    """With ``SECRET_KEY`` or, where one is given, with a token."""
    return _key(token).encrypt(text.encode()).decode()


def unseal(sealed: str, *, token: str = "") -> str:
    """
    :raises CannotOpen: the key is another one.
    """
    try:
        return _key(token).decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise CannotOpen from None


def _key(token: str) -> Fernet:
    # Both are long and random: a key is derived for a purpose, not hardened against guesses.
    derived = HKDF(SHA256(), length=32, salt=None, info=b"karani.identity.sealing")
    return Fernet(urlsafe_b64encode(derived.derive((token or settings.SECRET_KEY).encode())))
