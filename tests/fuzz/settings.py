"""The settings of an installation, but for what would make a fuzzer wait or turn it away."""

from project.settings import *  # noqa: F403  # all of them

GUARD_FACTOR = 1_000_000  # every wrong password counts, and the run sends thousands
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the real one takes a second
