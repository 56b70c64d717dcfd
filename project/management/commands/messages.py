"""``make messages``: bring the catalog of the Swahili words up to what the code says now.

Django's own makemessages, with one catalog for all apps. It takes in the words of Unfold and of
others, too, which come without Swahili ones. What is new is left empty, never guessed from what is
alike: a test fails until somebody translates it.
"""

import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands import makemessages
from django.core.management.utils import popen_wrapper

LANGUAGE = "sw"
FOLDER = Path(settings.LOCALE_PATHS[0])
CATALOG = FOLDER / LANGUAGE / "LC_MESSAGES" / "django.po"

_THEIRS = ("import_export", "simple_history", "unfold")  # their words are on our pages
_UNREAD = shutil.ignore_patterns("static", "locale", "*.pyc")
_NOT_FOR_PEOPLE = ["bench", "data", "migrations", "static_collected", "tests"]
_SORTED = ["--sort-output"]  # a string that moves in the code stays where it is in the catalog
_NO_GUESS = [*_SORTED, "--no-fuzzy-matching"]
_DATE = re.compile(r'^"POT-Creation-Date: .*\n', re.MULTILINE)  # a change each time, and no news


class Command(makemessages.Command):
    help = "Bring the Swahili catalog up to the words in the code, and compile it."

    # Lists of the class, as those that they replace.
    xgettext_options = makemessages.Command.xgettext_options + _SORTED
    msguniq_options = makemessages.Command.msguniq_options + _SORTED
    msgattrib_options = makemessages.Command.msgattrib_options + _SORTED
    msgmerge_options = makemessages.Command.msgmerge_options + _NO_GUESS

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument(
            "--check", action="store_true", help="Change nothing, and fail where it would."
        )
        parser.add_argument(
            "--required", action="store_true", help="Fail where gettext is not installed."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if shutil.which("xgettext") is None:
            return self._go_without(options)
        before = CATALOG.read_text()
        with ExitStack() as stack:
            self.copies = [stack.enter_context(_copy_of(name)) for name in _THEIRS]
            self._extract()
        after = _DATE.sub("", CATALOG.read_text())
        CATALOG.write_text(before if options["check"] else after)
        if not options["check"]:
            _compile()
        elif after != before:
            raise CommandError("The catalog is not what the code says. Run: make messages")
        return None

    def _go_without(self, options: dict[str, Any]) -> None:
        why = "gettext is not installed (on Debian and Ubuntu: apt install gettext)"
        if options["required"] or not options["check"]:
            raise CommandError(f"{why}.")
        self.stdout.write(f"Left out, whether the catalog has all words of the code: {why}.")

    def _extract(self) -> None:
        super().handle(
            locale=[LANGUAGE],
            exclude=[],
            all=False,
            domain="django",
            extensions=None,
            symlinks=False,
            ignore_patterns=[*_NOT_FOR_PEOPLE],
            use_default_ignore_patterns=True,
            no_wrap=False,
            no_location=True,
            add_location=None,
            no_obsolete=True,
            keep_pot=False,
            verbosity=0,
        )

    def find_files(self, root: str) -> Any:
        theirs = [
            self.translatable_file_class(str(path.parent), path.name, str(FOLDER))
            for copy in self.copies
            for path in sorted(copy.rglob("*"))
            if path.suffix in self.extensions
        ]
        return super().find_files(root) + theirs


@contextmanager
def _copy_of(package: str) -> Iterator[Path]:
    """Its sources, in a folder of ours: makemessages writes files beside those that it reads."""
    spec = find_spec(package)
    assert spec is not None  # noqa: S101  # narrows the type: it is installed
    with TemporaryDirectory() as folder:
        source = Path(str(spec.origin)).parent
        yield Path(shutil.copytree(source, Path(folder) / package, ignore=_UNREAD))


def _compile() -> None:
    """What the running app reads, kept beside the catalog: no user of Karani needs gettext."""
    compiled = CATALOG.with_suffix(".mo")
    _, problems, status = popen_wrapper(["msgfmt", "--check", "-o", str(compiled), str(CATALOG)])
    if status:
        raise CommandError(problems)
