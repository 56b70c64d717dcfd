"""How soon is the gateway answered when it calls: with reports of texts, and with texts?

By the web server of any installation, with one worker of gunicorn, while a worker of the queue
sends texts through the tests' stand-in. The database has had texts for a year and a half.
"""

import argparse
import http.client
import os
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from bench.installation import installation

_BATCH = 5_000
_PAUSE = 0.02  # seconds between two calls


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.sms_webhooks", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--database", default="sqlite://:memory:", help="where a test one is made")
    parser.add_argument("--texts", type=int, default=100_000, help="those there are already")
    parser.add_argument("--calls", type=int, default=300, help="of each kind")
    options = parser.parse_args()
    with installation(options.database, QUEUE_WORKERS="1") as folder:
        report(folder, options.texts, options.calls)


def report(folder: Path, texts: int, calls: int) -> None:
    """Print a line for each kind of call."""
    from tests import factories

    factories.templates()
    fill(texts)
    print(f"Milliseconds until the answer, with {texts:,} texts, {calls} calls of each kind:")
    for is_busy in (False, True):
        numbers = range(calls, 2 * calls) if is_busy else range(calls)
        kinds = {
            "report of a text that was sent": [_report(number) for number in numbers],
            "the same report again": [_report(number) for number in numbers],
            "report of a text that is not known": [_report(texts + number) for number in numbers],
            "text that says STOP": [_incoming(number, "STOP") for number in numbers],
            "any other text": [_incoming(number, "Is it ready?") for number in numbers],
        }
        with opened(folder, is_busy=is_busy) as (delivery_url, incoming_url):
            print("While texts are sent:" if is_busy else "While nothing else is done:")
            for kind, forms in kinds.items():
                took = times(incoming_url if "text" in forms[0] else delivery_url, forms)
                print(f"  {kind}: {_figures(took)}")


def fill(texts: int) -> None:
    """So many texts of a year and a half, all sent, without their reports."""
    from datetime import timedelta

    from django.utils import timezone

    from sms.models import Message
    from sms.segments import Encoding

    now, span = timezone.now(), timedelta(days=540)
    for first in range(0, texts, _BATCH):
        numbers = range(first, min(first + _BATCH, texts))
        messages = [
            Message(
                phone_number=_phone(number),
                text=f"Your order for Lamp {number} has been received.",
                status=Message.Status.SENT,
                encoding=Encoding.GSM_7,
                segments=1,
                gateway="africastalking",
                gateway_message_id=f"ATXid_{number}",
                queued_at=now - span * number / texts,
                claimed_at=now - span * number / texts,
                sent_at=now - span * number / texts,
            )
            for number in numbers
        ]
        Message.objects.bulk_create(messages)


@contextmanager
def opened(folder: Path, *, is_busy: bool) -> Iterator[tuple[str, str]]:
    """A web server, and a worker that sends texts one after another if it is to be busy."""
    from tests.chaos.shop import shop

    os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
    with shop(folder, seed=1, clusters=int(is_busy)) as running:
        running.gateway.post("faults", latency=(0.2, 0.2))
        is_over = threading.Event()
        seller = threading.Thread(target=_sell, args=(is_over,))
        if is_busy:
            seller.start()
        try:
            yield running.delivery_url, running.incoming_url
        finally:
            is_over.set()
            if is_busy:
                seller.join()


def _sell(is_over: threading.Event) -> None:
    from django.db import connection

    from tests import factories

    while not is_over.wait(0.05):
        factories.order()
    connection.close()


def times(url: str, forms: Sequence[dict[str, str]]) -> list[float]:
    """Milliseconds from each call to its answer, over one connection."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    took = []
    for form in forms:
        time.sleep(_PAUSE)
        started = time.perf_counter()
        connection.request("POST", parts.path, urlencode(form), headers)
        answer = connection.getresponse()
        answer.read()
        took.append(1000 * (time.perf_counter() - started))
        if answer.status != 200:
            raise RuntimeError(f"HTTP {answer.status} for {form}")
    connection.close()
    return took


def _phone(number: int) -> str:
    return f"+2547{number % 100_000_000:08d}"


def _report(number: int) -> dict[str, str]:
    return {
        "id": f"ATXid_{number}",
        "status": "Success",
        "phoneNumber": _phone(number),
        "networkCode": "63902",
    }


def _incoming(number: int, text: str) -> dict[str, str]:
    return {"id": f"in-{text}-{number}", "from": _phone(number), "to": "22384", "text": text}


def _figures(took: Sequence[float]) -> str:
    cuts: list[Any] = statistics.quantiles(took, n=100)
    return (
        f"median {statistics.median(took):.1f}, 99 in 100 within {cuts[-1]:.1f}, "
        f"all within {max(took):.1f}"
    )


if __name__ == "__main__":
    main()
