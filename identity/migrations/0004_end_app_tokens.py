"""Codes and tokens of apps belong to an authorization from here on; the older ones have none.

They end, and people sign in to their apps again. Alone, as PostgreSQL alters no table with rows that
were deleted in the same transaction.
"""

from django.db import migrations


def end_app_tokens(apps, schema_editor):
    for name in ("RefreshToken", "AccessToken", "Grant", "DeviceGrant"):
        apps.get_model("identity", name).objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("auth", "0012_alter_user_first_name_max_length"), ("identity", "0003_connected_apps")]

    operations = [migrations.RunPython(end_app_tokens, migrations.RunPython.noop)]
