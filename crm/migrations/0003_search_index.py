"""Every row can be found; on PostgreSQL, by an index of the trigrams of what is searched.

SQLite has no such index, and reads all there is: see 0010.
"""

from django.core.management import CommandError
from django.db import DatabaseError, migrations, models, transaction

INDEXES = {"crm_customer_search": "crm_customer", "crm_order_search": "crm_order"}


def index(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    try:
        with transaction.atomic(schema_editor.connection.alias):
            schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except DatabaseError as error:
        raise CommandError(
            "PostgreSQL would not add its extension pg_trgm, with which searches use an index: "
            f"{str(error).splitlines()[0]}. Let a superuser of the server run "
            "“CREATE EXTENSION pg_trgm” in this database (the extension comes with the package "
            "postgresql-contrib where it is not there), and start again."
        ) from error
    for name, table in INDEXES.items():
        schema_editor.execute(f"CREATE INDEX {name} ON {table} USING gin (search_text gin_trgm_ops)")


def drop(apps, schema_editor):
    """The extension stays: it may have been there before."""
    if schema_editor.connection.vendor == "postgresql":
        for name in INDEXES:
            schema_editor.execute(f"DROP INDEX {name}")


class Migration(migrations.Migration):

    dependencies = [
        ('crm', '0002_search_text'),
    ]

    operations = [
        migrations.AddConstraint(
            model_name='customer',
            constraint=models.CheckConstraint(condition=models.Q(('search_text', ''), _negated=True), name='crm_customer_can_be_found'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(('search_text__contains', '\n\n')), name='crm_order_can_be_found'),
        ),
        migrations.RunPython(index, drop),
    ]
