"""``manage.py icons``: draw anew the font of the icons that our pages and Unfold's name.

Material Symbols has 4,000 icons, 292 kB on a phone's first visit; a hundred of them are in use. An
icon is named by a word in a template, or a string in the code or a style, so each of those that is
also the name of an icon is kept: a few too many, and none too few. A test tells when a name has
come that the font lacks. It is drawn with fontTools, which developers alone have installed.
"""

import hashlib
import logging
import re
import shutil
from collections.abc import Iterator
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from project.environment import BASE_DIR

FONT = BASE_DIR / "project" / "static" / "project" / "icons.woff2"
LIST = BASE_DIR / "project" / "icons.txt"  # what is in the font, and of which font it tells

_OURS = ("project", "crm", "sms", "identity")
_UNFOLD = Path(str(files("unfold")))
_WHOLE = _UNFOLD / "static" / "unfold" / "fonts" / "material-symbols"
_LICENSE = FONT.with_name("icons-LICENSE.txt")
_NAMED = re.compile(r"""(?<=[>"'}])\s*([a-z0-9_]+)\s*(?=[<"'{])""")
_HEAD = """\
# The icons in project/static/project/icons.woff2, whose SHA-256 is
# {digest}
# Of Google's Material Symbols (Apache License 2.0, see icons-LICENSE.txt); all others are left out.
"""


class Command(BaseCommand):
    help = "Draw anew the font of the icons that our pages and Unfold's name."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            subset, fonts = import_module("fontTools.subset"), import_module("fontTools.ttLib")
            import_module("brotli")
        except ImportError as missing:
            raise CommandError("fontTools is missing. Run: make developers-lock") from missing
        logging.getLogger("fontTools").setLevel(logging.WARNING)
        whole = next(_WHOLE.glob("*.woff2"))
        font = fonts.TTFont(whole)
        kept = _leave(_names(), font)
        # No glyph is asked for but the letters: an icon comes with the word that it stands for.
        asked = subset.Options(layout_features=["*"], drop_tables=["FFTM"], glyph_names=False)
        subsetter = subset.Subsetter(asked)
        subsetter.populate(text="".join(kept))
        subsetter.subset(font)
        font.flavor = "woff2"
        font.save(FONT)
        LIST.write_text(_HEAD.format(digest=digest()) + "\n".join(sorted(kept)) + "\n")
        shutil.copy(whole.with_name("LICENSE"), _LICENSE)
        self.stdout.write(f"{len(kept)} icons, {FONT.stat().st_size / 1000:.0f} kB")


def digest() -> str:
    return hashlib.sha256(FONT.read_bytes()).hexdigest()


def sources() -> Iterator[Path]:
    """The files that can name an icon: ours, and Unfold's, whose pages ours are made of."""
    for folder in (*(BASE_DIR / app for app in _OURS), _UNFOLD):
        for kind in ("css", "html", "js", "py"):
            yield from sorted(folder.rglob(f"*.{kind}"))


def _names() -> set[str]:
    """What could be the name of an icon: a string, or a word alone between tags."""
    return {name for source in sources() for name in _NAMED.findall(source.read_text())}


def _leave(names: set[str], font: Any) -> set[str]:
    """Take out of the font all icons but these; returns those of the names that are icons."""
    letters = {glyph: chr(code).lower() for code, glyph in font.getBestCmap().items()}
    kept = set()
    for lookup in font["GSUB"].table.LookupList.Lookup:
        for subtable in lookup.SubTable:
            for first, ligatures in subtable.ligatures.items():
                for ligature in [*ligatures]:
                    name = "".join(letters[glyph] for glyph in (first, *ligature.Component))
                    if name in names:
                        kept.add(name)
                    else:
                        ligatures.remove(ligature)
    return kept
