"""With which key are ID tokens signed, and which keys are published for those who check them?

The keys are rows, so that all machines sign with the same one and nobody has to carry a file about.
The private half is sealed: with another ``SECRET_KEY`` it cannot be read, and a new key is made.
"""

import json
from datetime import timedelta
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from django.db import connection, transaction
from django.utils import timezone
from jwcrypto.jwk import JWK

from identity.models import SigningKey
from identity.sealing import CannotOpen, seal, unseal

ALGORITHM = "RS256"
_BITS = 2048  # RFC 7518, section 3.3: this or larger
_PUBLISHED = 3  # the newest, and two before it
# A new key is published before it signs: some apps do not look for a key that they miss in a copy
# of the keys that is younger than a minute.
_LEAD = timedelta(minutes=5)


def signing_key() -> tuple[str, RSAPrivateKey]:
    """The key that signs, and its ``kid``; made now where there is none."""
    return _known() or _made_once()


def rotate(*, at_once: bool = False) -> SigningKey:
    """Publish a new key, which signs in five minutes (OpenID Connect Core 1.0, section 10.1.1). The
    two before it stay published; older ones go.

    ``at_once`` is for a key that somebody else has: it signs now, and all others are forgotten.
    """
    pem = _new_pem()
    public = JWK.from_pem(pem)
    kid = public.thumbprint()
    made = SigningKey.objects.create(
        kid=kid,
        private_key=seal(pem.decode()),
        public_key={
            **json.loads(public.export_public()),
            "kid": kid,
            "alg": ALGORITHM,
            "use": "sig",
        },
    )
    kept = SigningKey.objects.values_list("pk", flat=True)[: 1 if at_once else _PUBLISHED]
    SigningKey.objects.exclude(pk__in=list(kept)).delete()
    return made


def published_keys() -> list[dict[str, Any]]:
    """The JSON Web Key Set (RFC 7517, section 5), the newest first."""
    signing_key()  # so that an app that comes before the first ID token finds the key of it
    return [row.public_key for row in SigningKey.objects.all()]


def _known() -> tuple[str, RSAPrivateKey] | None:
    """The newest that apps have had time to see; where there is none, the oldest."""
    found = None
    for row in SigningKey.objects.all():
        try:
            found = row.kid, _loaded(unseal(row.private_key))
        except CannotOpen:
            continue  # the SECRET_KEY is another one since: it can still be checked, but not used
        if row.created_at <= timezone.now() - _LEAD:
            break
    return found


@transaction.atomic
def _made_once() -> tuple[str, RSAPrivateKey]:
    """Of all who miss a key at the same moment one makes it: more than are published would be
    more than apps can find."""
    if connection.vendor == "postgresql":  # elsewhere a transaction has the database for itself
        with connection.cursor() as cursor:
            table = SigningKey._meta.db_table
            cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
    if known := _known():
        return known
    row = rotate()
    return row.kid, _loaded(unseal(row.private_key))


def _new_pem() -> bytes:
    key = generate_private_key(public_exponent=65537, key_size=_BITS)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@lru_cache(maxsize=_PUBLISHED)
def _loaded(pem: str) -> RSAPrivateKey:
    key = load_pem_private_key(pem.encode(), password=None)
    assert isinstance(key, RSAPrivateKey)  # noqa: S101  # narrows the type: it is one of ours
    return key
