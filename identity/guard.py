"""How often may one try? Guards what could be guessed: passwords, codes, secrets, taken names.

A try is counted before it is made, so that tries at the same moment cannot exceed a limit together;
where only failures count, one that succeeds is given back. The counts are rows, as only the
database is shared by all processes wherever Karani runs. They never tell whether an account exists:
what is counted is the name that was typed.

    with guard.attempt("sign_in", account=username, address=request.META["REMOTE_ADDR"]):
        ...  # raise to say that it failed
"""

import math
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Literal

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import salted_hmac

from identity.errors import TooManyAttempts
from identity.models import AttemptCount

_QUARTER, _HOUR = timedelta(minutes=15), timedelta(hours=1)
_KNOWN_FOR = timedelta(days=30)  # about how long a device is away before it counts as a stranger
_CLEANED_AT_ONCE = 100  # rows; a try makes four at most


@dataclass(frozen=True)
class Limit:
    """So many tries in a window that opens with the first of them."""

    most: int
    period: timedelta


@dataclass(frozen=True)
class Limits:
    """Each of them holds. ``settings.GUARD_FACTOR`` stretches them."""

    pair: Limit  # one account from one address
    address: Limit  # one address, whichever account
    account: Limit | None = None  # one account, from all addresses that have not signed in to it
    counts_successes: bool = False


Action = Literal[
    "sign_in",
    "second_factor",
    "refresh",
    "app_secret",
    "device_sign_in",
    "device_code",
    "long_question",
    "registration",
    "invitation",
    "mail",
]

LIMITS: dict[Action, Limits] = {
    # A person mistypes a password a few times; at ten they have forgotten it. An office shares an
    # address, so that one has more. The pair alone would leave a guesser with a thousand addresses
    # ten thousand tries, hence the limit of the account; so that it is no way to lock the owner
    # out, it neither binds nor counts an address from which the password was right lately.
    "sign_in": Limits(
        pair=Limit(10, _QUARTER), address=Limit(100, _QUARTER), account=Limit(100, _QUARTER)
    ),
    # Who tries has the password already. A code is one of a million, of which three are good: at
    # 30 an hour from all addresses, a guesser has one chance in 500 a day. Counted by the user.
    "second_factor": Limits(
        pair=Limit(10, _QUARTER), address=Limit(100, _QUARTER), account=Limit(30, _HOUR)
    ),
    # A token has 256 random bits: nobody guesses one, and this only ends a program's endless loop.
    "refresh": Limits(pair=Limit(10, _QUARTER), address=Limit(100, _QUARTER)),
    # Secrets are as long; a server that was set up wrongly may try on and on. One that was set up
    # rightly asks for many people at the same moment, and each is counted until it is answered.
    "app_secret": Limits(pair=Limit(100, _QUARTER), address=Limit(300, _QUARTER)),
    # Each is a row; a shop has a few devices, which begin anew after ten minutes.
    "device_sign_in": Limits(
        pair=Limit(60, _QUARTER), address=Limit(120, _QUARTER), counts_successes=True
    ),
    # Short, and good for ten minutes: of 20 ** 8 codes nobody finds one in so few tries (RFC 8628,
    # section 5.1). The account is who types it.
    "device_code": Limits(pair=Limit(10, _QUARTER), address=Limit(50, _QUARTER)),
    # Each is a row of 32 kB at most, for an hour. Few apps ask at such length, and their people
    # may share an address.
    "long_question": Limits(
        pair=Limit(120, _QUARTER), address=Limit(240, _QUARTER), counts_successes=True
    ),
    # Each makes an account or tells that a name is taken, so each counts. A limit of the account
    # over all addresses would let a stranger keep a name from its owner.
    "registration": Limits(pair=Limit(10, _HOUR), address=Limit(20, _HOUR), counts_successes=True),
    # The secret of a link has 256 random bits, and only one that is of no invitation is counted.
    "invitation": Limits(pair=Limit(20, _QUARTER), address=Limit(60, _QUARTER)),
    # Each sends a mail to whoever the address belongs to.
    "mail": Limits(pair=Limit(5, _HOUR), address=Limit(20, _HOUR), counts_successes=True),
}


@dataclass(frozen=True)
class _Counter:
    digest: str
    kind: str
    limit: Limit


@contextmanager
def attempt(action: Action, *, account: str, address: str) -> Iterator[None]:
    """Make one try at ``account`` from ``address``; leaving by an exception is a failure.

    Not to be called inside a transaction, whose end could undo the count.

    :raises TooManyAttempts: the try is not to be made; nothing was counted.
    """
    limits = LIMITS[action]
    network = network_of(address)
    pair = f"{network} {_folded(account)}"
    counters = [
        _counter(f"{action} by pair", pair, limits.pair),
        _counter(f"{action} by address", network, limits.address),
    ]
    known = _counter(f"{action} known", pair, Limit(0, _KNOWN_FOR))
    if limits.account is not None and not _is_live(known):
        counters.append(_counter(f"{action} by account", _folded(account), limits.account))
    _clean()
    _take(counters)
    taken_at = timezone.now()
    yield
    if not limits.counts_successes:
        _give_back(counters, taken_at)
    if limits.account is not None:
        _remember(known)


def network_of(address: str) -> str:
    """Who is counted as one: an IPv4 address; of IPv6 the /64, which each customer has whole."""
    try:
        ip = ip_address(address)
    except ValueError:  # a Unix socket has none
        return address
    if not isinstance(ip, IPv6Address):
        return str(ip)
    return str(ip.ipv4_mapped or IPv6Network((int(ip), 64), strict=False))


def _folded(name: str) -> str:
    """One spelling for all that the database takes for the same email address.

    PostgreSQL compares in upper case, in which a dotless i is an i, and a long s an s.
    """
    return unicodedata.normalize("NFKC", name).upper().casefold()


def _counter(kind: str, who: str, limit: Limit) -> _Counter:
    # Names and addresses are few enough to try them all against a plain hash.
    digest = salted_hmac("identity.guard", f"{kind} {who}", algorithm="sha256").hexdigest()
    return _Counter(digest, kind, limit)


def _take(counters: Sequence[_Counter]) -> None:
    """Count the try everywhere or, where one limit is reached, nowhere.

    Always in the same order of kinds, so that two who hold a row each never wait for each other.
    """
    with transaction.atomic(durable=True):
        waits = [_take_one(counter, timezone.now()) for counter in counters]
        if wait := max(waits):
            raise TooManyAttempts(wait)


def _take_one(counter: _Counter, now: datetime) -> int:
    """Count one more and return 0, or return the seconds until there is room."""
    ends_at = now + counter.limit.period
    # Locks the row, whether or not it was there, until the count is committed.
    AttemptCount.objects.bulk_create(
        [AttemptCount(digest=counter.digest, kind=counter.kind, expires_at=ends_at)],
        update_conflicts=True,
        unique_fields=["digest"],
        update_fields=["kind"],
    )
    rows = AttemptCount.objects.filter(digest=counter.digest)
    rows.filter(expires_at__lte=now).update(count=0, expires_at=ends_at)
    most = math.ceil(counter.limit.most * settings.GUARD_FACTOR)
    if rows.filter(count__lt=most).update(count=F("count") + 1):
        return 0
    return max(1, math.ceil((rows.get().expires_at - now).total_seconds()))


def _give_back(counters: Sequence[_Counter], taken_at: datetime) -> None:
    with transaction.atomic():
        for counter in counters:
            # A window that opened after the try has not counted it.
            AttemptCount.objects.filter(
                digest=counter.digest, count__gt=0, expires_at__lte=taken_at + counter.limit.period
            ).update(count=F("count") - 1)


def _is_live(counter: _Counter) -> bool:
    rows = AttemptCount.objects.filter(digest=counter.digest)
    return rows.filter(expires_at__gt=timezone.now()).exists()


def _remember(known: _Counter) -> None:
    ends_at = timezone.now() + known.limit.period
    AttemptCount.objects.bulk_create(
        [AttemptCount(digest=known.digest, kind=known.kind, expires_at=ends_at)],
        update_conflicts=True,
        unique_fields=["digest"],
        update_fields=["expires_at"],
    )


def _clean() -> None:
    """Delete some rows that count nothing any more, but wait for none that is in use."""
    old = AttemptCount.objects.filter(expires_at__lte=timezone.now())
    with transaction.atomic():
        chosen = old.select_for_update(skip_locked=True).values("pk")[:_CLEANED_AT_ONCE]
        AttemptCount.objects.filter(pk__in=chosen).delete()
