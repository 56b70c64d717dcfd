"""The README's first connected app, made and run as it is printed."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests

from project.environment import BASE_DIR
from tests.clients.newcomer import PATIENCE, Karani, Readme, free_port

SECTION = "Connect an app"
APP = "http://127.0.0.1:5000"


@pytest.fixture(scope="module")
def address() -> str:
    """Where the app is to be."""
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def printed(karani: Karani, readme: Readme, address: str) -> str:
    """What ``setup_oauth`` prints, run as the README has it."""
    command = next(text for language, text in readme.blocks(SECTION) if language == "sh")
    assert command.startswith(".venv/bin/python manage.py setup_oauth ")
    command = command.replace(".venv/bin/python", sys.executable, 1).replace(APP, address)
    environment = karani.environment
    done = subprocess.run(
        command,
        shell=True,
        cwd=BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture
def app(readme: Readme, printed: str, address: str, tmp_path: Path) -> Iterator[str]:
    """The README's app, with the printed lines as its ``.env``."""
    [code] = [text for language, text in readme.blocks(SECTION) if language == "python"]
    (tmp_path / "app.py").write_text(code)
    environment = dict(re.findall(r'^(OIDC_\w+)="(.*)"$', printed, re.MULTILINE))
    port = address.rpartition(":")[2]
    with subprocess.Popen(
        [sys.executable, "-m", "flask", "run", "--port", port],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]} | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _wait_for(int(port), process)
            yield address
        finally:
            process.terminate()


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert process.poll() is None, "The app does not start."
            assert time.monotonic() < deadline, "The app does not answer."
            time.sleep(0.1)
        else:
            return


def send(visitor: requests.Session, page: requests.Response, **fields: str) -> requests.Response:
    """Fill in the one form of a page that asks for these fields, and send it."""
    forms = re.findall(r'(<form method="post".*?</form>)', page.text, re.DOTALL)
    [form] = [text for text in forms if all(f'name="{name}"' in text for name in fields)]
    action = re.match(r'<form method="post" action="([^"]*)"', form)
    hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form)
    data = {name: unescape(value) for name, value in hidden} | fields
    address = urljoin(page.url, unescape(action[1]) if action else page.url)
    return visitor.post(address, data, headers={"Referer": page.url})


def test_what_is_printed_is_what_the_readme_shows(
    readme: Readme, printed: str, address: str, karani: Karani
) -> None:
    shown = next(text for language, text in readme.blocks(SECTION) if not language)
    shown = shown.replace(APP, address).replace(Readme.ADDRESS.removesuffix("/api"), karani.address)
    pattern = re.escape(shown.strip()).replace(r"\.\.\.", r"\w+")
    assert re.fullmatch(pattern, printed.strip())


def test_the_app_says_so_where_they_say_no(app: str, karani: Karani) -> None:
    visitor = requests.Session()
    visitor.trust_env = False
    page = send(visitor, visitor.get(app), username="admin", password=karani.password)
    answer = send(visitor, page, answer="deny")
    assert (answer.status_code, answer.text) == (403, "Not signed in: access_denied")


def test_the_app_signs_its_people_in(app: str, karani: Karani) -> None:
    visitor = requests.Session()
    visitor.trust_env = False  # no proxy stands between this machine and itself
    page = visitor.get(app)
    assert page.url.startswith(f"{karani.address}/sign-in/")
    page = send(visitor, page, username="admin", password=karani.password)
    assert "My first app" in page.text
    told = send(visitor, page, answer="allow").json()
    assert told["preferred_username"] == "admin"
    assert told["iss"] == f"{karani.address}/o"
    # Not asked again.
    assert visitor.get(app).json()["sub"] == told["sub"]
