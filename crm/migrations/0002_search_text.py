"""The column that is searched, of every customer and order there is."""

from django.db import migrations, models

from crm.folding import lines

BATCH = 2000  # rows in memory at a time


def fill_all(apps, schema_editor):
    connection = schema_editor.connection
    customers, orders = apps.get_model("crm", "Customer").objects, apps.get_model("crm", "Order").objects
    fill(connection, customers.using(connection.alias), text_of_customer)
    fill(connection, orders.using(connection.alias).select_related("customer"), text_of_order)


def fill(connection, rows, text_of):
    last = None
    while batch := list((rows if last is None else rows.filter(pk__gt=last)).order_by("pk")[:BATCH]):
        write(connection, rows.model, {row.pk: text_of(row) for row in batch})
        last = batch[-1].pk


def write(connection, model, texts):
    """All in one statement: bulk_update would compare each row with each."""
    key = model._meta.pk
    table, values = model._meta.db_table, ", ".join(["(%s, %s)"] * len(texts))
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET search_text = given.column2"
            f" FROM (VALUES {values}) AS given WHERE {table}.id = given.column1",
            [each for pk, text in texts.items() for each in (key.get_db_prep_value(pk, connection), text)],
        )


def text_of_customer(customer):
    return lines(customer.code, customer.name, customer.phone_number, customer.email)


def text_of_order(order):
    customer = order.customer
    own = lines(order.item, order.order_number, order.reference)
    return own + "\n\n" + lines(customer.code, customer.name, customer.phone_number)


class Migration(migrations.Migration):

    dependencies = [
        ('crm', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='customer',
            name='search_text',
            field=models.TextField(blank=True, default='', editable=False),
        ),
        migrations.AddField(
            model_name='order',
            name='search_text',
            field=models.TextField(blank=True, default='', editable=False),
        ),
        migrations.RunPython(fill_all, migrations.RunPython.noop),
    ]
