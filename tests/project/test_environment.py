"""The environment variables: what a wrong one says, where they come from, what is made of them."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import time
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db.utils import ConnectionHandler

from project import environment as module
from project.environment import BASE_DIR, Environment, child_environment, read_environment

VARIABLES = [name.upper() for name in Environment.model_fields]
CACHE_LINE = "Wrong setting. CACHE_URL: takes redis://host:port/number, or rediss:// with TLS"
DATABASE_LINE = (
    "Wrong setting. DATABASE_URL: takes sqlite:///path or postgres://user:password@host/name"
)


@pytest.fixture(autouse=True)
def _none_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the variables of whoever runs the tests, nor their .env."""
    for name in (*VARIABLES, "ENV_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(Environment.model_config, "env_file", None)


def make(**values: Any) -> Environment:
    return Environment(_env_file=None, **values)


# --- Wrong values -------------------------------------------------------------------------------

WRONG = [
    ("DEBUG", "maybe", "Input should be a valid boolean, unable to interpret input"),
    ("PORT", "http", "Input should be a valid integer, unable to parse string as an integer"),
    ("PORT", "0", "Input should be greater than or equal to 1"),
    ("PORT", "65536", "Input should be less than or equal to 65535"),
    ("PUBLIC_URL", "karani", "is not a web address, such as https://karani.example.com"),
    ("PUBLIC_URL", "ftp://karani", "is not a web address, such as https://karani.example.com"),
    (
        "UPSTREAM_OIDC_ISSUER",
        "accounts.example.com",
        "is not a web address, such as https://karani.example.com",
    ),
    ("API_RATE", "-1", "Input should be greater than or equal to 0"),
    (
        "CORS_ALLOWED_ORIGINS",
        "https://shop.example.com/x",
        "is not the origin of a page, such as https://shop.example.com",
    ),
    ("CORS_ALLOWED_ORIGINS", "*", "is not a web address, such as https://karani.example.com"),
    ("TRUSTED_PROXIES", "10.0.0", "is not an address or a network, such as 10.0.0.0/8"),
    ("TRUSTED_PROXIES", "10.0.0.1/8", "is not an address or a network, such as 10.0.0.0/8"),
    ("TRUSTED_PROXIES", "proxy", "is not an address or a network, such as 10.0.0.0/8"),
    ("TRUSTED_PROXIES", "0.0.0.0/0", "would let everybody say who they are"),
    ("TRUSTED_PROXIES", "::/0", "would let everybody say who they are"),
    ("TRUSTED_PROXY_HEADER", "X Real IP", "String should match pattern '^[A-Za-z0-9-]+$'"),
    (
        "REQUIRE_TWO_FACTOR",
        "maybe",
        "Input should be a valid boolean, unable to interpret input",
    ),
    ("CURRENCY", "kes", "String should match pattern '^[A-Z]{3}$'"),
    (
        "TIME_ZONE",
        "Nairobi",
        "is not a time zone of the IANA database, such as Africa/Nairobi",
    ),
    ("DEFAULT_REGION", "Kenya", "is not a two-letter country code, such as KE"),
    ("LANGUAGE_CODE", "fr", "Input should be 'en' or 'sw'"),
    ("SMS_GATEWAY", "pigeon", "Input should be 'simulator', 'africastalking' or 'console'"),
    ("AFRICASTALKING_SENDER_ID", "TWELVELETTER", "String should have at most 11 characters"),
    (
        "AFRICASTALKING_BASE_URL",
        "localhost:1",
        "is not a web address, such as https://karani.example.com",
    ),
    ("SMS_CONCURRENCY", "0", "Input should be greater than or equal to 1"),
    ("SMS_RATE", "-1", "Input should be greater than or equal to 0"),
    *(
        ("SMS_QUIET_HOURS", wrong, "takes two times of the day, such as 20:00-08:00, or none")
        for wrong in ("20:00", "20-8", "20:00-25:00", "20:00-20:00", "20:00-08:00-10:00", "night")
    ),
    ("SMS_OPT_OUT_LINE", "x" * 81, "String should have at most 80 characters"),
    ("WEB_CONCURRENCY", "0", "Input should be greater than or equal to 1"),
    ("QUEUE_WORKERS", "0", "Input should be greater than or equal to 1"),
    ("LOG_FORMAT", "xml", "Input should be 'text', 'json' or ''"),
    ("LOG_LEVEL", "LOUD", "Input should be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
]


@pytest.mark.parametrize(("name", "value", "reason"), WRONG)
def test_a_wrong_variable_ends_the_start_with_a_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as end:
        read_environment()
    assert end.value.code == f"Wrong setting. {name}: {reason} (now {value!r})"


def test_every_variable_that_can_be_wrong_is_among_those() -> None:
    # Whose value is not to be told is checked apart, see below; any text can be a folder.
    takes_anything = {"DATABASE_URL", "CACHE_URL", "EMAIL_URL", "DATA_DIR", "ALLOWED_HOSTS"}
    takes_anything |= {"SMS_CALLBACK_SECRET"}
    can_be_wrong = {
        name.upper()
        for name, field in Environment.model_fields.items()
        if field.annotation not in {str, Path} or field.metadata
    }
    assert can_be_wrong - takes_anything == {name for name, _, _ in WRONG}


def test_all_that_is_wrong_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURRENCY", "kes")
    monkeypatch.setenv("LANGUAGE_CODE", "fr\nde")
    with pytest.raises(SystemExit) as end:
        read_environment()
    assert end.value.code == (
        "Wrong setting. CURRENCY: String should match pattern '^[A-Z]{3}$' (now 'kes'); "
        r"LANGUAGE_CODE: Input should be 'en' or 'sw' (now 'fr\nde')"
    )


UPSTREAM = {
    "UPSTREAM_OIDC_ISSUER": "https://accounts.example.com/",
    "UPSTREAM_OIDC_CLIENT_ID": "karani",
    "UPSTREAM_OIDC_CLIENT_SECRET": "sesame",
}


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        (["ISSUER", "CLIENT_ID"], "UPSTREAM_OIDC_CLIENT_SECRET is"),
        (["CLIENT_SECRET"], "UPSTREAM_OIDC_ISSUER, UPSTREAM_OIDC_CLIENT_ID are"),
    ],
)
def test_half_an_issuer_is_none(
    monkeypatch: pytest.MonkeyPatch, given: list[str], missing: str
) -> None:
    for name in given:
        monkeypatch.setenv(f"UPSTREAM_OIDC_{name}", UPSTREAM[f"UPSTREAM_OIDC_{name}"])
    with pytest.raises(SystemExit) as end:
        read_environment()
    assert end.value.code == (f"Wrong setting. {missing} required with the rest of UPSTREAM_OIDC_")


def test_an_issuer_is_called_by_its_host_where_it_has_no_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert read_environment().upstream_oidc == {}
    for name, value in UPSTREAM.items():
        monkeypatch.setenv(name, value)
    assert read_environment().upstream_oidc == {
        "issuer": "https://accounts.example.com",
        "client_id": "karani",
        "client_secret": "sesame",
        "name": "accounts.example.com",
    }
    monkeypatch.setenv("UPSTREAM_OIDC_NAME", "Example")
    assert read_environment().upstream_oidc["name"] == "Example"


def test_a_real_gateway_needs_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMS_GATEWAY", "africastalking")
    with pytest.raises(SystemExit) as end:
        read_environment()
    assert end.value.code == (
        "Wrong setting. AFRICASTALKING_API_KEY is required when SMS_GATEWAY=africastalking"
    )
    monkeypatch.setenv("AFRICASTALKING_API_KEY", "atsk_1")
    assert read_environment().sms_gateway == "africastalking"


@pytest.mark.parametrize(
    "url",
    [
        "mysql://karani:sesame@db/karani",
        "postgres://karani:sesame@db:port/karani",
        "postgres://karani:ses[ame@db/karani",
        "karani:sesame@db/karani",
        "sesame",
    ],
)
def test_a_wrong_database_address_is_not_printed_as_it_may_have_a_password(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(SystemExit) as end:
        read_environment()
    assert end.value.code == DATABASE_LINE
    assert end.value.__suppress_context__  # nor does a traceback tell it
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("url", ["mail.example.com", "http://a:sesame@b", "smtp://a:sesame@b:x"])
def test_nor_is_a_wrong_mail_server(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("EMAIL_URL", url)
    with pytest.raises(SystemExit) as end:
        read_environment()
    assert end.value.code == (
        "Wrong setting. EMAIL_URL: takes smtp://user:password@host:port, smtps:// or "
        "smtp+insecure://"
    )


@pytest.mark.parametrize(
    "secret", ["sesame", "s" * 19, "s" * 20 + "/", "s" * 20 + "?", "s" * 20 + "é", "s" * 20 + "."]
)
def test_nor_is_a_secret_that_cannot_stand_in_a_path(
    monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("SMS_CALLBACK_SECRET", secret)
    with pytest.raises(SystemExit) as end:
        read_environment()
    assert end.value.code == (
        "Wrong setting. SMS_CALLBACK_SECRET: takes at least 20 letters, digits, hyphens and "
        "underscores. Make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(50))'"
    )


def test_the_secret_of_the_callbacks_is_the_one_given_or_the_one_kept(tmp_path: Path) -> None:
    given = make(debug=True, data_dir=tmp_path, sms_callback_secret="given-by-the-operator")
    assert given.callback_secret == "given-by-the-operator"
    assert list(tmp_path.iterdir()) == []
    assert make(data_dir=tmp_path).callback_secret == ""
    kept = make(debug=True, data_dir=tmp_path).callback_secret
    assert make(sms_callback_secret=kept).sms_callback_secret == kept  # fit for a path
    assert make(data_dir=tmp_path).callback_secret == kept
    assert (tmp_path / "sms_callback_secret").read_text() == kept


@pytest.mark.parametrize(
    ("url", "port", "starts_tls", "is_tls"),
    [
        ("smtp://wanjiku%40shop:ses%3Aame@mail.example.com", 587, True, False),
        ("smtps://wanjiku%40shop:ses%3Aame@mail.example.com", 465, False, True),
        ("smtp+insecure://wanjiku%40shop:ses%3Aame@mail.example.com:1025", 1025, False, False),
    ],
)
def test_a_mail_server_is_read_from_its_address(
    url: str, port: int, starts_tls: bool, is_tls: bool
) -> None:
    assert make(email_url=url).email == {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": "mail.example.com",
        "EMAIL_PORT": port,
        "EMAIL_HOST_USER": "wanjiku@shop",
        "EMAIL_HOST_PASSWORD": "ses:ame",
        "EMAIL_USE_TLS": starts_tls,
        "EMAIL_USE_SSL": is_tls,
    }


def test_without_one_mails_are_printed() -> None:
    assert make().email == {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}


@pytest.mark.parametrize(
    "url", ["memcached://:sesame@cache", "redis://:sesame@", "redis://:sesame@cache:x/0", "sesame"]
)
def test_nor_is_a_wrong_address_of_the_cache(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("CACHE_URL", url)
    with pytest.raises(SystemExit) as end:
        read_environment()
    assert end.value.code == CACHE_LINE
    assert end.value.__suppress_context__


# --- Right values -------------------------------------------------------------------------------


def test_the_defaults_need_no_variable_at_all() -> None:
    assert read_environment() == make()


def test_a_variable_that_is_empty_counts_as_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "")
    assert read_environment() == make()


def test_a_list_has_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", "karani.example.com, 10.0.0.7 ,,")
    assert read_environment().allowed_hosts == ["karani.example.com", "10.0.0.7"]


def test_a_level_may_be_written_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "debug")
    assert read_environment().log_level == "DEBUG"


@pytest.mark.parametrize(
    ("value", "hours"),
    [
        ("", (time(20), time(8))),
        ("21:30 - 07:15", (time(21, 30), time(7, 15))),
        ("00:00-06:00", (time(0), time(6))),
        ("none", None),
    ],
)
def test_quiet_hours_are_two_times_of_the_day_or_none(
    monkeypatch: pytest.MonkeyPatch, value: str, hours: tuple[time, time] | None
) -> None:
    monkeypatch.setenv("SMS_QUIET_HOURS", value)
    assert read_environment().sms_quiet_hours == hours


@pytest.mark.parametrize(
    ("values", "address"),
    [
        ({}, "http://127.0.0.1:8000"),
        ({"port": 8001}, "http://127.0.0.1:8001"),
        ({"public_url": "https://karani.example.com/", "port": 8001}, "https://karani.example.com"),
    ],
)
def test_people_reach_it_at_its_address(values: dict[str, Any], address: str) -> None:
    assert make(**values).address == address


@pytest.mark.parametrize(
    ("arguments", "is_on"),
    [
        (["manage.py", "up"], True),
        (["/srv/karani/manage.py", "up", "--no-demo"], True),
        (["manage.py", "check"], False),
        (["manage.py"], False),
        (["gunicorn", "up"], False),
    ],
)
def test_debug_is_on_by_itself_only_for_up(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], is_on: bool
) -> None:
    monkeypatch.setattr(sys, "argv", arguments)
    assert make().debug is is_on
    monkeypatch.setenv("DEBUG", "off")
    assert make().debug is False


@pytest.mark.parametrize("is_on", [True, False])
def test_what_up_starts_sees_the_debug_that_up_chose(
    monkeypatch: pytest.MonkeyPatch, is_on: bool
) -> None:
    monkeypatch.setattr(module, "environment", make(debug=is_on))
    monkeypatch.setenv("CURRENCY", "TZS")
    child = child_environment()
    assert (child["DEBUG"], child["CURRENCY"]) == (str(is_on), "TZS")
    monkeypatch.setenv("DEBUG", child["DEBUG"])
    assert read_environment().debug is is_on


# --- .env ---------------------------------------------------------------------------------------


def test_a_variable_is_read_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# ours\nBUSINESS_NAME='Duka la Wanjiku'\nPORT=8001\nSOMEBODY_ELSES=1\n")
    found = Environment(_env_file=file)
    assert (found.business_name, found.port) == ("Duka la Wanjiku", 8001)


def test_the_environment_wins_over_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / ".env"
    file.write_text("BUSINESS_NAME=Duka\nPORT=8001\n")
    monkeypatch.setenv("PORT", "8002")
    found = Environment(_env_file=file)
    assert (found.business_name, found.port) == ("Duka", 8002)


# --- Proxies and the cache ----------------------------------------------------------------------


def test_the_sites_that_may_call_the_api_are_origins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ALLOWED_ORIGINS", "https://a.example.com/, http://127.0.0.1:3000,,")
    assert read_environment().cors_allowed_origins == [
        "https://a.example.com",
        "http://127.0.0.1:3000",
    ]


def test_a_proxy_is_an_address_or_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", "10.0.0.7, 172.16.0.0/12,fdaa::/16,,::1")
    assert [str(network) for network in read_environment().trusted_proxies] == [
        "10.0.0.7/32",
        "172.16.0.0/12",
        "fdaa::/16",
        "::1/128",
    ]


def test_without_an_address_the_cache_is_the_memory_of_the_process() -> None:
    assert make().cache["BACKEND"] == "django.core.cache.backends.locmem.LocMemCache"


@pytest.mark.parametrize("url", ["redis://127.0.0.1:6379/0", "rediss://:p,ss@cache/1"])
def test_a_redis_is_not_waited_for_long(url: str) -> None:
    cache = make(cache_url=url).cache
    assert cache["BACKEND"] == "django.core.cache.backends.redis.RedisCache"
    assert cache["LOCATION"] == [url]
    assert cache["OPTIONS"] == {"socket_connect_timeout": 0.5, "socket_timeout": 0.5}


# --- The database -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["data", "my data", "data #1", "100%25", "what?"])
def test_without_an_address_the_database_is_in_the_data_folder(tmp_path: Path, name: str) -> None:
    database = make(data_dir=tmp_path / name).database
    assert database["ENGINE"] == "project.sqlite"
    assert database["NAME"] == str(tmp_path / name / "karani.sqlite3")


def test_sqlite_takes_the_write_lock_at_once_and_waits_for_it() -> None:
    database = make(database_url="sqlite:////srv/karani.sqlite3").database
    assert database["NAME"] == "/srv/karani.sqlite3"
    assert database["OPTIONS"] == {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }


@pytest.mark.django_db
def test_sqlite_writes_ahead(tmp_path: Path) -> None:
    connection = ConnectionHandler({"default": make(data_dir=tmp_path).database})["default"]
    with connection.cursor() as cursor:
        told = {
            name: cursor.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "busy_timeout")
        }
    connection.close()
    assert told == {"journal_mode": "wal", "synchronous": 1, "busy_timeout": 20_000}


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_postgresql_keeps_its_connections_and_looks_whether_they_are_alive(scheme: str) -> None:
    url = f"{scheme}://karani:p%40ss@db:5433/shop?sslmode=require"
    database = make(database_url=url).database
    wanted = {
        "ENGINE": "django.db.backends.postgresql",
        "USER": "karani",
        "PASSWORD": "p@ss",
        "HOST": "db",
        "PORT": 5433,
        "NAME": "shop",
        "OPTIONS": {"sslmode": "require"},
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
    assert {name: database[name] for name in wanted} == wanted


# --- Secrets made here --------------------------------------------------------------------------


def test_a_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    first = make(debug=True, data_dir=folder).kept_secret("secret_key")
    file = folder / "secret_key"
    assert len(first) >= 50
    assert file.read_text() == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert make(debug=True, data_dir=folder).kept_secret("secret_key") == first
    assert list(folder.iterdir()) == [file]


def test_each_name_and_each_installation_has_a_secret_of_its_own(tmp_path: Path) -> None:
    here, there = (make(debug=True, data_dir=tmp_path / name) for name in ("here", "there"))
    secrets = [here.kept_secret("a"), here.kept_secret("b"), there.kept_secret("a")]
    assert len(set(secrets)) == 3


def test_without_debug_a_secret_is_read_but_none_is_made(tmp_path: Path) -> None:
    quiet = make(debug=False, data_dir=tmp_path / "data")
    assert quiet.kept_secret("secret_key") == ""
    assert not (tmp_path / "data").exists()
    made = make(debug=True, data_dir=tmp_path / "data").kept_secret("secret_key")
    assert quiet.kept_secret("secret_key") == made


def test_of_many_who_make_the_secret_at_once_all_have_the_same(tmp_path: Path) -> None:
    found: list[str] = []
    start = Barrier(8)

    def ask() -> None:
        asker = make(debug=True, data_dir=tmp_path)
        start.wait()
        found.append(asker.kept_secret("secret_key"))

    threads = [Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert list(tmp_path.iterdir()) == [tmp_path / "secret_key"]


# --- A real start -------------------------------------------------------------------------------

Check = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code, in which a .env and a data folder may be made."""
    copy = tmp_path_factory.mktemp("checkout")
    shutil.copy(BASE_DIR / "manage.py", copy)
    for app in ("project", "crm", "sms", "identity"):
        shutil.copytree(BASE_DIR / app, copy / app)
    return copy


@pytest.fixture
def check(checkout: Path) -> Check:
    """Run ``manage.py check`` there, with these variables and this .env."""

    def run(*, env_file: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        (checkout / ".env").write_text(env_file)
        return subprocess.run(
            [sys.executable, "manage.py", "check"],
            cwd=checkout,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_without_debug_and_without_a_key_the_start_is_refused(check: Check, checkout: Path) -> None:
    run = check()
    assert run.returncode == 1
    assert run.stderr == (
        "Wrong setting. SECRET_KEY: is required when DEBUG is off. Make one with: "
        "python3 -c 'import secrets; print(secrets.token_urlsafe(50))'\n"
    )
    assert not (checkout / "data").exists()


def test_a_wrong_value_in_the_file_ends_the_start_with_one_line(check: Check) -> None:
    run = check(env_file="QUEUE_WORKERS=none\nSECRET_KEY=sesame\n")
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr == (
        "Wrong setting. QUEUE_WORKERS: Input should be a valid integer, "
        "unable to parse string as an integer (now 'none')\n"
    )


def test_another_file_may_be_named(check: Check, tmp_path: Path) -> None:
    (tmp_path / "ours").write_text("PORT=ours\n")
    run = check(env_file="PORT=theirs\n", ENV_FILE=str(tmp_path / "ours"))
    assert run.returncode == 1
    assert "(now 'ours')" in run.stderr


def test_a_wrong_database_ends_the_start_with_one_line_without_its_password(check: Check) -> None:
    run = check(DATABASE_URL="mysql://karani:sesame@db/karani", SECRET_KEY="x")
    assert (run.returncode, run.stdout, run.stderr) == (1, "", f"{DATABASE_LINE}\n")


def test_it_starts_with_what_the_environment_says_over_the_file(check: Check) -> None:
    run = check(env_file="SECRET_KEY=from-the-file\nQUEUE_WORKERS=none\n", QUEUE_WORKERS="1")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == "System check identified no issues (0 silenced).\n"


def test_with_debug_it_starts_by_itself_and_keeps_the_key_it_made(
    check: Check, checkout: Path
) -> None:
    run = check(DEBUG="on")
    assert (run.returncode, run.stderr) == (0, "")
    assert stat.S_IMODE((checkout / "data" / "secret_key").stat().st_mode) == 0o600
