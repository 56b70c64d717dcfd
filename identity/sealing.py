"""What others keep for us or may come by, and only Karani is to read or write: sealed text.

With ``SECRET_KEY``: in the database, a copy of which gives nothing away, or in the link of a mail.
Or with a token that is stored nowhere, so that only its holder can have the text read.
"""

from base64 import urlsafe_b64encode
from datetime import timedelta

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class CannotOpen(Exception):
    """It was sealed with another key or for something else, is too old, or is no sealed text."""


def seal(text: str, *, token: str = "", purpose: str = "") -> str:
    """With ``SECRET_KEY`` or, where one is given, with a token.

    What is sealed for one purpose does not open for another, so that nobody passes one thing off as
    the other. Letters, digits, ``-``, ``_`` and ``=``: fit for an address.
    """
    return _key(token, purpose).encrypt(text.encode()).decode()


def unseal(
    sealed: str, *, token: str = "", purpose: str = "", max_age: timedelta | None = None
) -> str:
    """
    :raises CannotOpen: the key or the purpose is another one, or it was sealed too long ago.
    """
    ttl = None if max_age is None else int(max_age.total_seconds())
    try:
        return _key(token, purpose).decrypt(sealed.encode(), ttl).decode()
    except InvalidToken:
        raise CannotOpen from None


def _key(token: str, purpose: str) -> Fernet:
    # Both are long and random: a key is derived for a purpose, not hardened against guesses.
    info = f"karani.identity.sealing{purpose}".encode()
    derived = HKDF(SHA256(), length=32, salt=None, info=info)
    return Fernet(urlsafe_b64encode(derived.derive((token or settings.SECRET_KEY).encode())))
