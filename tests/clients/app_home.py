"""Where apps are at home: another origin than Karani's, on this machine."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

_FILES = Path(__file__).parent / "openid"


class AppHome(ThreadingHTTPServer):
    """Serves the app in a browser, and empty pages to whom an app gets back."""

    settings: dict[str, str]  # which Karani the app in a browser asks, and as whom

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def callback(self) -> str:
        return f"{self.address}/back"

    @property
    def goodbye(self) -> str:
        return f"{self.address}/goodbye"


class _Pages(SimpleHTTPRequestHandler):
    server: AppHome

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/settings.json":
            self._answer("application/json", json.dumps(self.server.settings))
        elif path in {"/back", "/goodbye", "/favicon.ico"}:
            self._answer("text/html", "")
        else:
            super().do_GET()

    def _answer(self, kind: str, body: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args: object) -> None:
        """Nobody reads it."""


@contextmanager
def app_home() -> Iterator[AppHome]:
    with AppHome(("127.0.0.1", 0), partial(_Pages, directory=str(_FILES))) as home:
        Thread(target=home.serve_forever, daemon=True).start()
        yield home
        home.shutdown()
