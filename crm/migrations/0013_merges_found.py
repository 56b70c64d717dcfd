from django.db import migrations, models


class Migration(migrations.Migration):
    """Records that were merged are found by the code and the phone that they had."""

    dependencies = [
        ('crm', '0012_shared_views_stay'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='merge',
            index=models.Index(fields=['code'], name='crm_merge_code'),
        ),
        migrations.AddIndex(
            model_name='merge',
            index=models.Index(fields=['phone_number'], name='crm_merge_phone'),
        ),
    ]
