import crm.models.saved_views
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Views that all use stay where their owner is deleted."""

    dependencies = [
        ('crm', '0011_names_of_fields'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name='savedview',
            name='owner',
            field=models.ForeignKey(null=True, on_delete=crm.models.saved_views.keep_shared, related_name='saved_views', to=settings.AUTH_USER_MODEL, verbose_name='owner'),
        ),
    ]
