"""The key by which likely doubles are found, of every customer there is."""

from django.db import migrations

from crm.folding import name_key

BATCH = 2000  # rows in memory at a time


def fill_all(apps, schema_editor):
    customers = apps.get_model("crm", "Customer").objects.using(schema_editor.connection.alias)
    last = None
    while batch := list((customers if last is None else customers.filter(pk__gt=last)).order_by("pk")[:BATCH]):
        write(schema_editor.connection, customers.model, {row.pk: name_key(row.name) for row in batch})
        last = batch[-1].pk


def write(connection, model, keys):
    """All in one statement: bulk_update would compare each row with each."""
    pk, table, values = model._meta.pk, model._meta.db_table, ", ".join(["(%s, %s)"] * len(keys))
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET name_key = given.column2"
            f" FROM (VALUES {values}) AS given WHERE {table}.id = given.column1",
            [each for key, name in keys.items() for each in (pk.get_db_prep_value(key, connection), name)],
        )


class Migration(migrations.Migration):

    dependencies = [
        ('crm', '0006_merges'),
    ]

    operations = [
        migrations.RunPython(fill_all, migrations.RunPython.noop),
    ]
