from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("census", "0001_initial")]

    operations = [
        migrations.AddField("census", "found", models.IntegerField("files", null=True, blank=True)),
    ]
