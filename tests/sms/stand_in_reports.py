"""What the stand-in tells by itself: delivery reports and incoming texts, posted as forms.

Reports come as badly as they do in life, by rates: late, twice, in another order, before the answer
to the text, in words nobody knows, contradicting each other, or not at all. What is told of a text
hangs on the seed and its id. Nothing is told twice because it was not heard the first time.
"""

import heapq
import random
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPException
from itertools import count
from urllib.parse import urlencode

from tests.sms.stand_in_gateway import TakenText

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy knows our ports
_PATIENCE = 10.0  # seconds


@dataclass(frozen=True)
class ReportRates:
    """The share of the texts of which the reports come so; the rest is told of in good order."""

    lost: float = 0.0
    late: float = 0.0  # by `late_by` more
    doubled: float = 0.0
    disordered: float = 0.0  # what was on the way is told after what came of it
    early: float = 0.0  # before the answer to the text itself
    unknown: float = 0.0  # beside the others, one in a word that is not in the manual
    undelivered: float = 0.0
    contradicted: float = 0.0  # the other end is told as well, later
    delay: tuple[float, float] = (0.05, 0.5)  # seconds: the least and the most
    late_by: float = 3.0  # seconds


@dataclass(frozen=True)
class Report:
    """One that is to come; at once where it has no delay."""

    delay: float
    status: str
    failure_reason: str = ""
    retry_count: int = 0


def reports_of(chance: random.Random, rates: ReportRates) -> list[Report]:
    """What will be told of a text, by chance."""

    def has(share: float) -> bool:
        return chance.random() < share

    delay = chance.uniform(*rates.delay) + (rates.late_by if has(rates.late) else 0.0)
    ends = [("Success", ""), ("Failed", "DeliveryFailure")]
    if has(rates.undelivered):
        ends.reverse()
    if has(rates.early):
        delay = 0.0
    reports = [Report(delay, *ends[0])]
    if has(rates.disordered):
        reports.append(Report(delay + 0.2, "Buffered"))
    else:
        reports.append(Report(delay / 2, "Sent"))
    if has(rates.doubled):
        reports.append(Report(delay + 0.3, *ends[0], retry_count=1))
    if has(rates.unknown):
        reports.append(Report(delay + 0.1, "Teleported"))
    if has(rates.contradicted):
        reports.append(Report(delay + 0.5, *ends[1]))
    return [] if has(rates.lost) else reports


@dataclass(frozen=True)
class Told:
    """One post of ours, and how it was heard."""

    form: dict[str, str]
    status: int  # of HTTP; 0: nobody answered
    seconds: float


@dataclass
class Teller:
    """Posts what there is to tell, each at its time."""

    seed: int = 0
    delivery_url: str = ""  # empty: of nothing is told
    incoming_url: str = ""
    rates: ReportRates = field(default_factory=ReportRates)
    told: list[Told] = field(default_factory=list)
    planned: int = 0

    def __post_init__(self) -> None:
        self._due: list[tuple[float, int, str, dict[str, str]]] = []
        self._numbers = count()
        self._has_more = threading.Condition()
        self._pool = ThreadPoolExecutor(8)
        threading.Thread(target=self._tell_what_is_due, daemon=True).start()

    def report(self, text: TakenText) -> None:
        """Plan the reports of a text, and post those that come before its answer."""
        if not self.delivery_url:
            return
        for report in reports_of(random.Random(f"{self.seed} {text.message_id}"), self.rates):
            form = {
                "id": text.message_id,
                "status": report.status,
                "phoneNumber": text.phone_number,
                "networkCode": "63902",
                "failureReason": report.failure_reason,
                "retryCount": str(report.retry_count),
            }
            if report.delay:
                self._plan(report.delay, self.delivery_url, form)
            else:
                with self._has_more:
                    self.planned += 1
                self._post(self.delivery_url, form)

    def pass_on(self, phone_number: str, words: str, to: str) -> None:
        """Tell of a text that somebody sent us."""
        form = {
            "date": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime()),
            "from": phone_number,
            "id": f"incoming-{next(self._numbers)}",
            "linkId": "",
            "text": words,
            "to": to,
        }
        self._plan(0.0, self.incoming_url, form)

    @property
    def waiting(self) -> int:
        """How much there still is to tell."""
        return self.planned - len(self.told)

    def _plan(self, delay: float, url: str, form: dict[str, str]) -> None:
        with self._has_more:
            self.planned += 1
            heapq.heappush(self._due, (time.monotonic() + delay, next(self._numbers), url, form))
            self._has_more.notify()

    def _tell_what_is_due(self) -> None:
        while True:
            with self._has_more:
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is None or wait > 0:
                    self._has_more.wait(wait)
                    continue
                _, _, url, form = heapq.heappop(self._due)
            self._pool.submit(self._post, url, form)

    def _post(self, url: str, form: dict[str, str]) -> None:
        started = time.perf_counter()
        try:
            with _DIRECT.open(url, urlencode(form).encode(), timeout=_PATIENCE) as answer:
                status = answer.status
        except urllib.error.HTTPError as error:
            status = error.code
        except (OSError, HTTPException):
            status = 0
        self.told.append(Told(form, status, time.perf_counter() - started))
