"""On SQLite, an index of the orders that holds what is searched of them, from the newest on.

A search still reads all of it where nothing matches, but that is a quarter of what the rows are.
A migration after which SQLite has written the table anew has dropped it: it makes it again.
"""

from django.db import migrations


def index(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute(
            "CREATE INDEX crm_order_search ON crm_order (created_at DESC, id DESC, search_text)"
        )


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute("DROP INDEX IF EXISTS crm_order_search")


class Migration(migrations.Migration):

    dependencies = [
        ('crm', '0009_saved_views'),
    ]

    operations = [
        migrations.RunPython(index, drop),
    ]
