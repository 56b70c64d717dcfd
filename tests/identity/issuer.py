"""A little OpenID issuer in a thread: gives a token for any code, and lies when it is told to."""

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID, CLIENT_SECRET = "karani-client", "sesame-open-up"


@cache
def own_key() -> rsa.RSAPrivateKey:
    """The issuer's, made once a process, as it takes a tenth of a second."""
    return new_key()


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Issuer:
    """What it says next is in ``claims``; None takes one out."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.key = own_key()
        self.signing_key: rsa.RSAPrivateKey | None = None  # another one than is published
        self.algorithm = "RS256"
        self.claims: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.status = 200
        self.asked: dict[str, str] = {}  # of the last authorization request
        self.token_requests: list[dict[str, str]] = []

    def begun(self, location: str) -> str:
        """Take the address that a browser is sent to, and return the state."""
        assert location.startswith(f"{self.address}/authorize?")
        self.asked = {name: each for name, (each,) in parse_qs(urlsplit(location).query).items()}
        return self.asked["state"]

    def answer(self, path: str, form: dict[str, str]) -> Any:
        if path == "/.well-known/openid-configuration":
            return {
                "issuer": self.address,
                "authorization_endpoint": f"{self.address}/authorize",
                "token_endpoint": f"{self.address}/token",
                "userinfo_endpoint": f"{self.address}/userinfo",
                "jwks_uri": f"{self.address}/jwks",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
            } | self.metadata
        if path == "/jwks":
            public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
            return {"keys": [public | {"kid": "1", "use": "sig", "alg": "RS256"}]}
        if path == "/token":
            self.token_requests.append(form)
            return {"access_token": "x", "token_type": "Bearer", "id_token": self.id_token()}
        raise AssertionError(path)

    def id_token(self) -> str:
        now = int(time.time())
        claims = {
            "iss": self.address,
            "sub": "248289761001",
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": self.asked["nonce"],
            "email": "jane@example.com",
            "email_verified": True,
            "name": "Jane Doe",
            "preferred_username": "jane",
            **({"auth_time": now} if "max_age" in self.asked else {}),
        } | self.claims
        claims = {name: each for name, each in claims.items() if each is not None}
        key: Any = self.signing_key or self.key
        if self.algorithm == "none":
            key = None
        if self.algorithm == "HS256":
            key = CLIENT_SECRET * 3
        return jwt.encode(claims, key, self.algorithm, headers={"kid": "1"})

    def had_the_verifier(self) -> bool:
        """Did the last token request prove that it comes from who asked (RFC 7636)?"""
        digest = hashlib.sha256(self.token_requests[-1]["code_verifier"].encode()).digest()
        return self.asked["code_challenge"] == base64.urlsafe_b64encode(digest).decode().rstrip("=")


@contextmanager
def running_issuer() -> Iterator[Issuer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(issuer.answer(self.path, {}))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: each for name, (each,) in parse_qs(body).items()}
            self._send(issuer.answer(self.path, form))

        def _send(self, answer: Any) -> None:
            self.send_response(issuer.status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer = Issuer(f"http://127.0.0.1:{server.server_port}")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
