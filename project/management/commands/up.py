"""``manage.py up``: everything a newcomer needs, in one command and until Ctrl-C."""

import errno
import socket
import sys
import urllib.request
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError

from identity.models import User
from project import setup, supervisor
from project.environment import BASE_DIR, child_environment, environment

MANAGE = str(BASE_DIR / "manage.py")
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy knows our port
COMMANDS = {
    "web server": [
        *(sys.executable, "-m", "gunicorn", "-c", "python:project.gunicorn"),
        *("--chdir", str(BASE_DIR), "project.wsgi"),
    ],
    "worker": [sys.executable, MANAGE, "qcluster"],
}


class Command(BaseCommand):
    help = "Prepare the database, then run the web server and the worker until Ctrl-C."
    requires_system_checks = ()  # the tables they look at may not be there yet

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-demo", action="store_true", help="start with no demo business")

    def handle(self, *args: Any, no_demo: bool = False, **options: Any) -> None:
        self._refuse_a_taken_port()
        self.stdout.write("Preparing the database ...")
        try:
            environment.data_dir.mkdir(parents=True, exist_ok=True)
            setup.prepare()
            # The demo's people have made-up phones: no real gateway is to see them.
            if not no_demo and environment.sms_gateway != "africastalking":
                setup.load_demo_if_new()
        except (OperationalError, OSError) as error:
            raise CommandError(f"The database cannot be prepared: {error}".strip()) from None
        except KeyboardInterrupt:
            raise SystemExit(130) from None
        code = supervisor.run(
            COMMANDS, child_environment(), is_ready=_answers, on_ready=self._greet
        )
        self.stdout.write("Karani has stopped.")
        if code:
            raise SystemExit(code)

    def _refuse_a_taken_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((environment.host, environment.port))
            except OSError as error:
                port = environment.port
                if error.errno != errno.EADDRINUSE:
                    raise CommandError(
                        f"Cannot listen on {environment.host}, port {port}: {error}"
                    ) from None
                other = port + 1 if port < 65535 else port - 1
                raise CommandError(
                    f"Port {port} is taken. Free it, or choose another: PORT={other} make run"
                ) from None

    def _sign_in(self) -> str:
        """How to sign in; the first time, with the administrator made here and now.

        Not before all is ready: a start that is broken off must not leave an account behind whose
        password nobody has seen.
        """
        if User.objects.exists():
            return "Sign in with the account you have."
        user, password = setup.make_administrator()
        if environment.django_superuser_password:
            return f"Sign in as {user.username} with the password of DJANGO_SUPERUSER_PASSWORD."
        return (
            f"Sign in as:  {user.username}\n"
            f"  Password:    {password}   (shown this once, and stored nowhere)"
        )

    def _greet(self) -> None:
        greeting = self._sign_in()
        address = environment.address
        self.stdout.write(
            f"""
  Karani runs at {address}

  {greeting}

  Try next:
    1. Place an order             {address}/admin/crm/order/add/
    2. Read the text it sent      {address}/admin/sms/message/phones/
    3. Import your customers      {address}/admin/crm/customer/import/

  The API is described at {address}/api/docs. Ctrl-C stops it all.
"""
        )
        self.stdout.flush()


def _answers() -> bool:
    """Does the web server answer yet?"""
    host = "127.0.0.1" if environment.host == "0.0.0.0" else environment.host  # noqa: S104  # asked
    address = f"http://{host}:{environment.port}/healthz"
    try:
        with _DIRECT.open(address, timeout=1):
            return True
    except OSError:
        return False
