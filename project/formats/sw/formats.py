"""The same as in English: only the names of days and months differ, which the catalog has."""

from project.formats.en.formats import *  # noqa: F403  # each name is a setting of the language
