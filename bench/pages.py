"""How heavy is a page of the back office for a phone, and how fast is it there?

The real server, with its files compressed as they are in the image, and its demo business. A
Chromium of a phone's width opens pages with nothing kept (cold), and again (warm): bytes on the
wire. With ``--lighthouse`` (Node.js is needed), Google's Lighthouse tells its scores, for a phone
on a slow line.
"""

import argparse
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

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
    options = parser.parse_args()
    with server() as (address, cookie):
        report_bytes(address, cookie)
        if options.lighthouse:
            report_scores(address, cookie)


@contextmanager
def server() -> Iterator[tuple[str, str]]:
    """A server that runs as it does in production; its address, and the session of a superuser."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
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


def report_scores(address: str, cookie: str) -> None:
    """Print Lighthouse's scores of each page, of 1."""
    from tests import chromium

    npx = shutil.which("npx")
    if npx is None:
        sys.exit("Lighthouse runs in Node.js: install nodejs and npm.")
    print(f"\n{'':12}{'performance':>13}{'accessibility':>15}{'best practices':>16}")
    environment = os.environ | {"CHROME_PATH": chromium.path() or ""}
    for title, path in PAGES.items():
        with tempfile.TemporaryDirectory() as folder:
            headers = Path(folder) / "headers.json"
            headers.write_text(json.dumps({"Cookie": cookie}))
            command = [
                *(npx, "--yes", _LIGHTHOUSE, address + path, "--quiet", "--output=json"),
                f"--extra-headers={headers}",
                "--chrome-flags=--headless=new --no-sandbox --disable-gpu",
                f"--only-categories={','.join(_CATEGORIES)}",
            ]
            told = subprocess.run(  # noqa: S603  # a fixed command
                command, env=environment, check=True, stdout=subprocess.PIPE, cwd=folder
            )
        result: dict[str, Any] = json.loads(told.stdout)
        scores = [result["categories"][each]["score"] for each in _CATEGORIES]
        print(f"{title:12}{scores[0]:13.2f}{scores[1]:15.2f}{scores[2]:16.2f}", flush=True)


if __name__ == "__main__":
    main()
