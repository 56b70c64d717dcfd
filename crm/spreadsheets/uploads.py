"""Where is a sheet between its check and its import? In the data folder, to be taken for an hour.

It has people's names and phones in it: one that nobody took in time goes when the next comes or is
asked for. On the machine that took it: with several web machines the confirmation must come to the
same one.
"""

import secrets
import time
from pathlib import Path

from django.conf import settings

KEPT_SECONDS = 3600


def keep_upload(data: bytes) -> str:
    """Keep a sheet; the name to take it by."""
    folder = _folder()
    _clear(folder)
    name = secrets.token_hex(16)
    (folder / name).write_bytes(data)
    return name


def take_upload(name: str) -> bytes:
    """The sheet, which is gone from here: of two who ask for it, one gets it.

    :raises FileNotFoundError: it was taken, or its time was over.
    """
    folder = _folder()
    _clear(folder)
    path = folder / name
    data = path.read_bytes()
    path.unlink()
    return data


def _clear(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for old in folder.iterdir():
        if time.time() - old.stat().st_mtime > KEPT_SECONDS:
            old.unlink(missing_ok=True)


def _folder() -> Path:
    return Path(settings.DATA_DIR) / "uploads"
