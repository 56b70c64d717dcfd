"""How many requests a minute may one caller send? Counted in the cache, and in no query.

A caller is a user with the app they use, not a token, as those are renewed; personal ones are not,
so each of them is a caller. Who has no credential, or a bad one, is counted by address; somebody
with a good one is never refused for what others send from the same address, so it is looked up
first, and what a bad one costs is that one query.

Two windows of a minute each make one that slides: of the last one counts the part that the last 60
seconds still touch, as though its requests had come evenly. It takes two small numbers for each
caller, can be counted with the atomic ``incr`` of any cache, and has no moment at which a caller
may send twice as much, as a single window has at its end.
"""

import logging
import math
import threading
import time
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import Throttled
from ninja.throttling import BaseThrottle
from redis.exceptions import RedisError

from identity.guard import network_of
from identity.tokens import Caller

logger = logging.getLogger(__name__)

WINDOW = 60  # seconds
_PAUSE = 5  # seconds without a limit after the cache has failed, instead of a wait in each request
_COUNTED = "karani.is_counted"  # in the request's META


class RateLimit(BaseThrottle):
    """One for all operations and threads; it keeps nothing of a request but the thread's wait."""

    def __init__(self) -> None:
        self._of_thread = threading.local()
        self._asks_again_at = 0.0

    def allow_request(self, request: HttpRequest) -> bool:
        wait = self._of_thread.wait = self.count(request)
        return wait == 0

    def wait(self) -> float | None:
        """What Ninja asks for after a refusal, with no request at hand."""
        wait: float = self._of_thread.wait
        return wait

    def count(self, request: HttpRequest) -> int:
        """Count the request, once; 0, or in how many seconds the caller may come again.

        Where the cache does not answer there is no limit: better too many requests than none.
        """
        is_new = not request.META.get(_COUNTED)
        request.META[_COUNTED] = True
        if not is_new or settings.API_RATE == 0 or time.monotonic() < self._asks_again_at:
            return 0
        try:
            return _count(_caller(request), settings.API_RATE)
        except (RedisError, ValueError) as error:  # a full memory may drop a count just made
            self._asks_again_at = time.monotonic() + _PAUSE
            logger.warning("The cache fails; for %d s requests have no limit: %s", _PAUSE, error)
            return 0


def _caller(request: HttpRequest) -> str:
    caller = getattr(request, "auth", None)
    if isinstance(caller, Caller):
        return f"user:{caller.user.pk}:{caller.client}"
    return f"address:{network_of(request.META['REMOTE_ADDR'])}"


def _count(caller: str, most: int) -> int:
    window, elapsed = divmod(time.time(), WINDOW)
    key, key_before = (f"rate:{int(window) - back}:{caller}" for back in (0, 1))
    before = cache.get(key_before, 0)
    try:
        now = cache.incr(key)
    except ValueError:  # the first in this window, unless another thread was quicker
        now = 1 if cache.add(key, 1, timeout=3 * WINDOW) else cache.incr(key)
    if before * (1 - elapsed / WINDOW) + now <= most:
        return 0
    cache.decr(key)  # a refused request is none, so that who keeps asking is let in again
    return _wait(before, now - 1, elapsed, most)


def _wait(before: int, now: int, elapsed: float, most: int) -> int:
    """The whole seconds until one more fits, if nobody else sends any."""
    if now < most:
        fits_at = WINDOW * (1 - (most - 1 - now) / before)
    else:  # in the next window, in which this one fades
        fits_at = WINDOW + WINDOW * (1 - (most - 1) / now)
    return max(1, math.ceil(fits_at - elapsed))


class RateLimitedAPI(NinjaAPI):
    """Counts every request to an operation, whatever becomes of it."""

    def __init__(self, **options: Any) -> None:
        self.rate_limit = RateLimit()
        super().__init__(**options, throttle=self.rate_limit)

    def on_exception(self, request: HttpRequest, exc: Exception | type[Exception]) -> HttpResponse:
        """Ninja asks the throttles after the security, so what that refuses is counted here."""
        wait = self.rate_limit.count(request)
        return super().on_exception(request, Throttled(wait) if wait else exc)
