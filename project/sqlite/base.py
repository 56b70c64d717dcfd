"""How many values may one query have? Django 5.2 says 999 of every SQLite, which has been 32,766
and more since 3.32: a thousand orders would be written in dozens of queries. From Django 6.0 on the
library is asked, as here, and this backend can go."""

import sqlite3

from django.db.backends.sqlite3 import base, features
from django.utils.functional import cached_property


class DatabaseFeatures(features.DatabaseFeatures):
    @cached_property
    def max_query_params(self) -> int:  # type: ignore[override]  # a plain number in Django 5.2
        self.connection.ensure_connection()
        return int(self.connection.connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER))


class DatabaseWrapper(base.DatabaseWrapper):
    features_class = DatabaseFeatures
