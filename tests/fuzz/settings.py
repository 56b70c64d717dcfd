"""The settings of an installation, but for what would make a fuzzer wait or turn it away."""

from project.settings import *  # noqa: F403  # all of them
from project.settings import STORAGES

GUARD_FACTOR = 1_000_000  # every wrong password counts, and the run sends thousands
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the real one takes a second

# No files are collected here, which the page that says "not found" needs, as others do.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
