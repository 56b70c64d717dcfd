"""Which environment variables are there, and what do they mean?

The only reader of ``os.environ``. Values come from the environment, then from ``.env`` beside
``manage.py``, then from the defaults below; the README's table lists them all. A wrong value ends
the process with one line that names it.
"""

import contextlib
import os
import re
import secrets
import sys
import tempfile
from datetime import time
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote, unquote, urlsplit
from zoneinfo import available_timezones

import dj_database_url
import phonenumbers
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

BASE_DIR = Path(__file__).resolve().parent.parent

# With the port where none is named: TLS begins after a word, TLS from the start, and none at all.
_MAIL_SCHEMES = {"smtp": 587, "smtps": 465, "smtp+insecure": 25}


def _split_commas(value: object) -> object:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _known_time_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("is not a time zone of the IANA database, such as Africa/Nairobi")
    return name


def _known_region(code: str) -> str:
    if code not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("is not a two-letter country code, such as KE")
    return code


def _web_address(url: str) -> str:
    if not url:
        return url
    parts = urlsplit(url)
    try:
        is_address = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # the port is no number
        is_address = False
    if not is_address:
        raise ValueError("is not a web address, such as https://karani.example.com")
    return url.rstrip("/")


def _redis_address(url: str) -> str:
    if not url:
        return url
    parts = urlsplit(url)
    try:
        is_address = parts.scheme in {"redis", "rediss"} and parts.hostname and parts.port != 0
    except ValueError:  # the port is no number
        is_address = False
    if not is_address:
        raise ValueError("takes redis://host:port/number, or rediss:// with TLS")
    return url


def _mail_server(url: str) -> str:
    if not url:
        return url
    parts = urlsplit(url)
    try:
        is_server = parts.scheme in _MAIL_SCHEMES and parts.hostname and parts.port != 0
    except ValueError:  # the port is no number
        is_server = False
    if not is_server:
        raise ValueError("takes smtp://user:password@host:port, smtps:// or smtp+insecure://")
    return url


def _path_secret(text: str) -> str:
    if text and not re.fullmatch(r"[A-Za-z0-9_-]{20,}", text):
        raise ValueError(
            "takes at least 20 letters, digits, hyphens and underscores. Make one with: "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(50))'"
        )
    return text


def _quiet_hours(value: object) -> object:
    if not isinstance(value, str):  # the default
        return value
    if value == "none":
        return None
    try:
        begin, end = (time.fromisoformat(part.strip()) for part in value.split("-"))
    except ValueError:
        begin = end = time()
    if begin == end:
        raise ValueError("takes two times of the day, such as 20:00-08:00, or none")
    return begin, end


def _network(value: object) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(str(value))
    except ValueError:
        raise ValueError("is not an address or a network, such as 10.0.0.0/8") from None
    if network.prefixlen == 0:
        raise ValueError("would let everybody say who they are")
    return network


def _web_origin(value: object) -> str:
    origin = _web_address(str(value))
    if urlsplit(origin)._replace(scheme="", netloc="").geturl():
        raise ValueError("is not the origin of a page, such as https://shop.example.com")
    return origin


CommaList = Annotated[list[str], NoDecode, BeforeValidator(_split_commas)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
WebOrigin = Annotated[str, PlainValidator(_web_origin)]
QuietHours = Annotated[tuple[time, time] | None, NoDecode, BeforeValidator(_quiet_hours)]
Network = Annotated[IPv4Network | IPv6Network, PlainValidator(_network)]


def starts_with_up() -> bool:
    """Is this process ``manage.py up``, the command a newcomer runs?"""
    return Path(sys.argv[0]).name == "manage.py" and sys.argv[1:2] == ["up"]


class Environment(BaseSettings):
    """Every variable, typed. Each field's name in capitals is the variable's name."""

    model_config = SettingsConfigDict(
        # ENV_FILE names another file, as the tests do to be free of a developer's own.
        env_file=os.environ.get("ENV_FILE", BASE_DIR / ".env"),
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    debug: bool = Field(default_factory=starts_with_up)
    data_dir: Annotated[Path, AfterValidator(lambda path: BASE_DIR / path)] = BASE_DIR / "data"
    database_url: str = ""
    secret_key: str = ""
    public_url: WebAddress = ""
    allowed_hosts: CommaList = []
    cors_allowed_origins: Annotated[list[WebOrigin], NoDecode, BeforeValidator(_split_commas)] = []
    port: int = Field(8000, ge=1, le=65535)
    host: str = "127.0.0.1"
    trusted_proxies: Annotated[list[Network], NoDecode, BeforeValidator(_split_commas)] = []
    trusted_proxy_header: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+$")] = (
        "X-Forwarded-For"
    )
    api_rate: int = Field(600, ge=0)
    cache_url: Annotated[str, AfterValidator(_redis_address)] = ""

    require_two_factor: bool = False
    upstream_oidc_issuer: WebAddress = ""
    upstream_oidc_client_id: str = ""
    upstream_oidc_client_secret: str = ""
    upstream_oidc_name: str = ""
    email_url: Annotated[str, AfterValidator(_mail_server)] = ""
    email_from: str = ""

    business_name: str = "Karani"
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "KES"
    time_zone: Annotated[str, AfterValidator(_known_time_zone)] = "Africa/Nairobi"
    default_region: Annotated[str, AfterValidator(_known_region)] = "KE"
    language_code: Literal["en", "sw"] = "en"

    sms_gateway: Literal["simulator", "africastalking", "console"] = "simulator"
    africastalking_username: str = "sandbox"
    africastalking_api_key: str = ""
    africastalking_sender_id: Annotated[str, StringConstraints(max_length=11)] = ""
    africastalking_base_url: WebAddress = ""
    sms_callback_secret: Annotated[str, AfterValidator(_path_secret)] = ""
    sms_concurrency: int = Field(16, ge=1, le=200)
    sms_rate: float = Field(0, ge=0)
    sms_quiet_hours: QuietHours = (time(20), time(8))
    sms_opt_out_line: Annotated[str, StringConstraints(max_length=80)] = ""

    web_concurrency: int = Field(2, ge=1)
    queue_workers: int = Field(2, ge=1)
    log_format: Literal["text", "json", ""] = ""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    django_superuser_username: str = ""
    django_superuser_password: str = ""
    django_superuser_email: str = ""

    @model_validator(mode="before")
    @classmethod
    def _upper_case_the_levels(cls, values: dict[str, Any]) -> dict[str, Any]:
        if isinstance(values.get("log_level"), str):
            values["log_level"] = values["log_level"].upper()
        return values

    @model_validator(mode="after")
    def _gateway_has_its_key(self) -> "Environment":
        if self.sms_gateway == "africastalking" and not self.africastalking_api_key:
            raise ValueError("AFRICASTALKING_API_KEY is required when SMS_GATEWAY=africastalking")
        return self

    @model_validator(mode="after")
    def _upstream_is_whole(self) -> "Environment":
        wanted = ["UPSTREAM_OIDC_ISSUER", "UPSTREAM_OIDC_CLIENT_ID", "UPSTREAM_OIDC_CLIENT_SECRET"]
        missing = [name for name in wanted if not getattr(self, name.lower())]
        if missing and (len(missing) < len(wanted) or self.upstream_oidc_name):
            verb = "is" if len(missing) == 1 else "are"
            raise ValueError(
                f"{', '.join(missing)} {verb} required with the rest of UPSTREAM_OIDC_"
            )
        return self

    @cached_property
    def upstream_oidc(self) -> dict[str, str]:
        """The issuer that people may sign in with; empty where there is none."""
        if not self.upstream_oidc_issuer:
            return {}
        return {
            "issuer": self.upstream_oidc_issuer,
            "client_id": self.upstream_oidc_client_id,
            "client_secret": self.upstream_oidc_client_secret,
            "name": self.upstream_oidc_name or urlsplit(self.upstream_oidc_issuer).netloc,
        }

    @cached_property
    def address(self) -> str:
        """Where people reach this installation, with no slash at its end."""
        return self.public_url or f"http://127.0.0.1:{self.port}"

    @cached_property
    def database(self) -> dict[str, Any]:
        """Django's ``DATABASES["default"]`` for ``DATABASE_URL``.

        :raises ValueError: the address is neither SQLite nor PostgreSQL.
        """
        url = self.database_url or f"sqlite:///{quote(str(self.data_dir / 'karani.sqlite3'))}"
        config: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=60))
        if config["ENGINE"] == "django.db.backends.sqlite3":
            config["ENGINE"] = "project.sqlite"
            # BEGIN IMMEDIATE takes the write lock at once and waits for it; the default takes it
            # at the first write and fails there when another writer was quicker.
            config["OPTIONS"] = {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            }
        elif config["ENGINE"] == "django.db.backends.postgresql":
            config["CONN_HEALTH_CHECKS"] = True
        else:
            raise ValueError("takes sqlite:///path or postgres://user:password@host/name")
        return config

    @cached_property
    def cache(self) -> dict[str, Any]:
        """Django's ``CACHES["default"]`` for ``CACHE_URL``."""
        if not self.cache_url:
            # The memory of each process; so many callers are counted, at about 300 bytes each.
            backend = "django.core.cache.backends.locmem.LocMemCache"
            return {"BACKEND": backend, "OPTIONS": {"MAX_ENTRIES": 20_000}}
        return {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": [self.cache_url],  # in a list, as Django would split it at a comma
            "KEY_PREFIX": "karani",
            # A cache that hangs must not hang every request.
            "OPTIONS": {"socket_connect_timeout": 0.5, "socket_timeout": 0.5},
        }

    @cached_property
    def email(self) -> dict[str, Any]:
        """Django's settings for ``EMAIL_URL``; without one, mails are printed."""
        if not self.email_url:
            return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
        parts = urlsplit(self.email_url)
        return {
            "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "EMAIL_HOST": parts.hostname,
            "EMAIL_PORT": parts.port or _MAIL_SCHEMES[parts.scheme],
            "EMAIL_HOST_USER": unquote(parts.username or ""),
            "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
            "EMAIL_USE_TLS": parts.scheme == "smtp",
            "EMAIL_USE_SSL": parts.scheme == "smtps",
        }

    @cached_property
    def callback_secret(self) -> str:
        """What stands in the path of the gateway's callbacks; empty where they are closed."""
        return self.sms_callback_secret or self.kept_secret("sms_callback_secret")

    def kept_secret(self, name: str) -> str:
        """The secret kept in the data folder under this name; with ``DEBUG`` on, made if missing.

        Empty where there is none and none may be made.
        """
        path = self.data_dir / name
        if not path.exists() and self.debug:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            descriptor, draft = tempfile.mkstemp(dir=self.data_dir)  # readable by its owner only
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(50))
            with contextlib.suppress(FileExistsError):  # another process was quicker: use its own
                os.link(draft, path)
            Path(draft).unlink()
        return path.read_text().strip() if path.exists() else ""


def _say_what_is_wrong(error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"][:1]).upper()
        reason = problem["msg"].removeprefix("Value error, ")
        has_secret = name in {"CACHE_URL", "EMAIL_URL"} or "KEY" in name or "SECRET" in name
        may_be_told = name and not has_secret
        value = f" (now {problem['input']!r})" if may_be_told else ""
        lines.append(f"{name}: {reason}{value}" if name else reason)
    return "Wrong setting. " + "; ".join(lines)


def read_environment() -> Environment:
    """Read and check every variable.

    :raises SystemExit: with one line that names each wrong value.
    """
    try:
        environment = Environment()
        _ = environment.database
    except ValidationError as error:
        raise SystemExit(_say_what_is_wrong(error)) from None
    except UnicodeDecodeError:
        raise SystemExit("Wrong setting. The file .env is not UTF-8; save it as UTF-8.") from None
    except (ValueError, dj_database_url.ParseError, dj_database_url.UnknownSchemeError):
        # The value itself stays out of the line: it may carry a password.
        raise SystemExit(
            "Wrong setting. DATABASE_URL: takes sqlite:///path or postgres://user:password@host/name"
        ) from None
    return environment


environment = read_environment()


def child_environment() -> dict[str, str]:
    """What a process started by ``up`` is to see: the same, with ``up``'s own choice of DEBUG; and
    the house, as ``up`` may be called from another folder."""
    path = os.pathsep.join(filter(None, [str(BASE_DIR), os.environ.get("PYTHONPATH")]))
    return {
        **os.environ,
        "DEBUG": str(environment.debug),
        "PYTHONPATH": path,
        "PYTHONUNBUFFERED": "1",
    }
