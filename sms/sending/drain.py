"""Send what is due, with as many requests in flight as ``SMS_CONCURRENCY`` says.

The threads only wait for the gateway; the database is asked by the one thread that runs the drain.
It keeps texts claimed ahead, so that a free place on the wire is filled before the answer that
freed it is written down.
"""

import contextlib
import logging
import os
import queue
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from django.conf import settings
from django.db import Error as AnyDatabaseError
from django.db import transaction
from django.utils import timezone

from sms import line, rate
from sms.gateway import Gateway, GatewayError, Submission, get_gateway
from sms.models import Attempt, Line, Message
from sms.sending import claims, outcomes
from sms.sending.outcomes import Result

logger = logging.getLogger(__name__)

SLICE = 12.0  # seconds; with one last answer, 15 s at most, this ends before the queue's timeout
_NEWS = 0.1  # seconds that what is known of the line, and of an empty queue, may be old
_PAUSE = 0.05  # seconds to wait for an answer before looking at everything again
_SPARE = 1.0  # seconds that texts claimed ahead may wait for a place on the wire


def send_what_is_due() -> bool:
    """Send what is due until nothing is, or the line is shut, or the slice of time is over.

    True where more may be due: then the caller sees to it that somebody goes on.
    """
    if not claims.due(timezone.now()).exists():
        return False
    return _Drain(get_gateway()).run()


@cache
def _threads(process: int) -> ThreadPoolExecutor:
    # Of each process its own: threads do not survive a fork.
    return ThreadPoolExecutor(settings.SMS_CONCURRENCY, thread_name_prefix="sms-wire")


class _Drain:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._places = 1 if gateway.is_immediate else settings.SMS_CONCURRENCY
        self._ahead: deque[Message] = deque()  # claimed, and not begun
        self._in_flight = 0
        self._answers: queue.SimpleQueue[Result] = queue.SimpleQueue()
        self._moved_at = time.monotonic()  # when a place on the wire was last filled or freed
        self._is_dry, self._looked_at = False, 0.0  # was there less in the queue than wanted?
        self._line, self._line_at = line.find_line(), time.monotonic()

    def run(self) -> bool:
        end = time.monotonic() + SLICE
        try:
            while time.monotonic() < end:
                self._claim()
                self._begin()
                if not self._in_flight and not self._is_worth_waiting():
                    break
                self._collect()
        finally:
            try:
                self._give_back()
            finally:  # the answers that are still to come are worth more
                self._collect_all()
        is_over = time.monotonic() >= end
        return is_over and not self._is_dry and not line.is_shut(self._known_line())

    def _collect_all(self) -> None:
        while self._in_flight:
            try:
                self._collect()
            except AnyDatabaseError:  # said of each text that it cost; the others are still to come
                logger.exception("Answers were lost.")

    def _is_worth_waiting(self) -> bool:
        """With nothing in the air: may the next text be let on by and by, or at once?"""
        known = self._known_line()
        if line.is_shut(known) or line.is_quiet(known) or (known.is_trying and known.tried_at):
            return False
        return bool(self._ahead) or not self._is_dry

    def _claim(self) -> None:
        """Keep as many texts claimed ahead as there are places on the wire."""
        now = time.monotonic()
        known = self._known_line()
        is_known_dry = self._is_dry and now - self._looked_at < _NEWS
        if line.is_shut(known) or line.is_quiet(known) or is_known_dry:
            return
        wanted = self._wanted(known, now) - self._in_flight - len(self._ahead)
        if wanted <= 0 or (self._ahead and wanted < self._places // 2):
            return  # in lots, as each costs a transaction
        found, self._is_dry = claims.claim(wanted)
        self._looked_at = now
        self._ahead.extend(found)

    def _wanted(self, known: Line, now: float) -> int:
        """How many texts to have, in the air and claimed ahead; others may be free to send more."""
        if known.is_trying:
            return 1
        if now - self._moved_at > _SPARE:
            return self._places
        limit = rate.rate_of(known, timezone.now())
        ahead = self._places if limit is None else min(self._places, int(limit / 4) + 1)
        return self._places + ahead

    def _begin(self) -> None:
        """Write texts to the wire while there are places on it and the line grants them."""
        if chosen := self._choose():
            begun = claims.begin(chosen, self._gateway)
            if not begun:
                line.return_grant(self._line)
            self._submit(begun)
        elif time.monotonic() - self._moved_at > _SPARE:
            self._give_back()

    def _choose(self) -> list[Message]:
        """The texts to be written to the wire now."""
        free = min(self._places - self._in_flight, len(self._ahead))
        granted = line.grant(self._known_line(), free) if free > 0 else 0
        return [self._ahead.popleft() for _ in range(granted)]

    def _submit(self, begun: Sequence[tuple[Message, Attempt]]) -> None:
        for message, attempt in begun:
            self._in_flight += 1
            self._moved_at = time.monotonic()
            if self._gateway.is_immediate:
                self._ask(message, attempt)
            else:
                _threads(os.getpid()).submit(self._ask, message, attempt)

    def _ask(self, message: Message, attempt: Attempt) -> None:
        """Submit one text and leave whatever came of it. Asks no database: it runs in a thread."""
        answer: Submission | Exception
        try:
            answer = self._gateway.submit(message.phone_number, message.text)
        except Exception as error:  # an error of ours tells nothing of the text: in doubt
            if not isinstance(error, GatewayError):
                logger.exception("The gateway %s raised what it should not.", self._gateway.name)
            answer = error
        self._answers.put(Result(message, attempt, answer, timezone.now()))

    def _collect(self) -> None:
        """Wait a moment for answers, fill the places they free, and write them down."""
        results = self._wait()
        if not results:
            return
        self._in_flight -= len(results)
        self._moved_at = time.monotonic()
        is_well = all(isinstance(result.answer, Submission) for result in results)
        is_well = is_well and not (self._line.is_trying or self._line.failures)
        try:
            next_ones = self._choose() if is_well else []
            with transaction.atomic():  # one for both, as a commit costs as much as all the rest
                outcomes.record(results)
                begun = claims.begin(next_ones, self._gateway)
        except AnyDatabaseError:
            logger.exception("The answers to %d texts could not be written down.", len(results))
            # The next ones are claimed still, and come back when their lease has run out.
            begun = []
            outcomes.record_at_any_price(results)
        self._submit(begun)
        outcomes.follow_up(results, self._line)
        if not is_well:
            self._line_at = 0.0  # what was just told may have changed it

    def _wait(self) -> list[Result]:
        results: list[Result] = []
        with contextlib.suppress(queue.Empty):
            results.append(self._answers.get(timeout=_PAUSE))
            while True:
                results.append(self._answers.get_nowait())
        return results

    def _give_back(self) -> None:
        ahead, self._ahead = self._ahead, deque()
        self._is_dry = self._is_dry and not ahead
        claims.give_back(list(ahead))

    def _known_line(self) -> Line:
        if time.monotonic() - self._line_at >= _NEWS:
            self._line.refresh_from_db()
            self._line_at = time.monotonic()
        return self._line
