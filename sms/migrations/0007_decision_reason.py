from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sms", "0006_callbacks")]

    operations = [
        migrations.AddField(
            model_name="decision",
            name="reason",
            field=models.CharField(
                blank=True, help_text="What stood in its way then.", max_length=500
            ),
        )
    ]
