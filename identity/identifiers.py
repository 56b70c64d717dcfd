"""How is a row identified? By a UUIDv7: unique anywhere, and in the order of creation."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A UUID version 7 (RFC 9562, section 5.7).

    Our own function, so that migrations name it and not the library that makes it.
    """
    return uuid7()
