"""How heavy is a page of the back office for a phone, and how fast is it there?

The real server, with its files compressed as they are in the image, and its demo business. A
Chromium of a phone's width opens pages with nothing kept (cold), and again (warm): bytes on the
wire. With ``--lighthouse`` (Node.js is needed), Google's Lighthouse tells its scores, for a phone
on a slow line: the medians of some runs, as it is misled by other work of the machine.
"""

import argparse
import json
import os
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parent.parent
PAGES = {
    "Home": "/admin/",
    "Orders": "/admin/crm/order/",
    "Customers": "/admin/crm/customer/",
    "New order": "/admin/crm/order/add/",
    "Sent texts": "/admin/sms/message/",
}
_LIGHTHOUSE = "lighthouse@12"
_CATEGORIES = ("performance", "accessibility", "best-practices")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.pages", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--lighthouse", action="store_true", help="tell its scores, too")
    parser.add_argument("--runs", type=int, default=3, help="of Lighthouse, of each page")
    options = parser.parse_args()
    with server() as (address, cookie):
        report_bytes(address, cookie)
        if options.lighthouse:
            report_scores(address, cookie, options.runs)


@contextmanager
def server() -> Iterator[tuple[str, str]]:
    """A server that runs as it does in production; its address, and the session of a superuser."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        environment = os.environ | {
            "DATABASE_URL": f"sqlite:///{folder}/bench.sqlite3",
            "DATA_DIR": folder,
            "DEBUG": "off",
            "DJANGO_SETTINGS_MODULE": "project.settings",
            "DJANGO_SUPERUSER_PASSWORD": secrets.token_urlsafe(),
            "ENV_FILE": os.devnull,
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "PUBLIC_URL": f"http://127.0.0.1:{port}",
            "SECRET_KEY": secrets.token_urlsafe(50),
        }
        manage = [sys.executable, str(ROOT / "manage.py")]
        collect = [*manage, "collectstatic", "--no-input", "-v0"]
        subprocess.run(collect, env=environment, check=True)  # noqa: S603  # a fixed command
        running = subprocess.Popen(  # noqa: S603  # a fixed command
            [*manage, "up"], env=environment, stdout=subprocess.PIPE, text=True
        )
        try:
            for line in running.stdout or ():
                if "Ctrl-C stops it all" in line:
                    break
            asked = [*manage, "shell", "-v0", "-c", _SESSION]
            told = subprocess.run(  # noqa: S603  # a fixed command
                asked, env=environment, check=True, stdout=subprocess.PIPE, text=True
            )
            yield environment["PUBLIC_URL"], told.stdout.strip()
        finally:
            running.terminate()
            running.wait()


_SESSION = """
from django.conf import settings
from django.test import Client
from identity.models import User
client = Client()
client.force_login(User.objects.filter(is_superuser=True).first())
print(settings.SESSION_COOKIE_NAME + "=" + client.cookies[settings.SESSION_COOKIE_NAME].value)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def report_bytes(address: str, cookie: str) -> None:
    """Print what each page takes on the wire, opened first and opened again."""
    from tests import chromium

    name, _, value = cookie.partition("=")
    print(f"{'':12}{'cold, kB':>10}{'warm, kB':>10}")
    with chromium.started() as browser:
        for title, path in PAGES.items():
            context = browser.new_context(viewport={"width": 390, "height": 844})
            context.add_cookies([{"name": name, "value": value, "url": address}])
            kilobytes = weigh(context.new_page(), address + path)
            print(f"{title:12}{kilobytes[0]:10.0f}{kilobytes[1]:10.0f}", flush=True)
            context.close()


def weigh(page: Page, address: str) -> list[float]:
    """What a page takes on the wire, cold and warm; kB of 1,000 bytes."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    received: list[float] = []
    session.on("Network.loadingFinished", lambda end: received.append(end["encodedDataLength"]))
    kilobytes = []
    for _ in ("cold", "warm"):
        received.clear()
        page.goto(address, wait_until="networkidle")
        kilobytes.append(sum(received) / 1000)
    return kilobytes


def report_scores(address: str, cookie: str, runs: int) -> None:
    """Print Lighthouse's scores of each page, of 1."""
    npx = shutil.which("npx")
    if npx is None:
        sys.exit("Lighthouse runs in Node.js: install nodejs and npm.")
    print(f"\n{'':12}{'performance':>13}{'accessibility':>15}{'best practices':>16}")
    with signed_in_browser(address, cookie) as port:
        for title, path in PAGES.items():
            told = [score(npx, port, address + path) for _ in range(runs)]
            scores = [statistics.median(column) for column in zip(*told, strict=True)]
            print(f"{title:12}{scores[0]:13.2f}{scores[1]:15.2f}{scores[2]:16.2f}", flush=True)


@contextmanager
def signed_in_browser(address: str, cookie: str) -> Iterator[int]:
    """A browser with the session, driven at this port: a header with it would be lost as soon as a
    page sets a cookie of its own."""
    from tests import chromium

    name, _, value = cookie.partition("=")
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            folder,
            executable_path=chromium.path(),
            args=["--no-sandbox", "--disable-gpu", f"--remote-debugging-port={port}"],
        )
        context.add_cookies([{"name": name, "value": value, "url": address}])
        yield port
        context.close()


def score(npx: str, port: int, page: str) -> list[float]:
    command = [
        *(npx, "--yes", _LIGHTHOUSE, page, "--quiet", "--output=json", f"--port={port}"),
        f"--only-categories={','.join(_CATEGORIES)}",
    ]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE)  # noqa: S603  # a fixed command
    result: dict[str, Any] = json.loads(told.stdout)
    return [result["categories"][each]["score"] for each in _CATEGORIES]


if __name__ == "__main__":
    main()
