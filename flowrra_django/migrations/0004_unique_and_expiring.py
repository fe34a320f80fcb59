from django.db import migrations, models
from django.db.models import Q

from flowrra_django.indexes import PartialIndex, PartialUnique


class Migration(migrations.Migration):
    dependencies = [("flowrra_django", "0003_pages")]

    operations = [
        migrations.AlterField(
            model_name="taskrecord",
            name="unique_key",
            field=models.CharField(blank=True, max_length=255, null=True),
        ),
        migrations.AddConstraint(
            model_name="taskrecord",
            constraint=PartialUnique(fields=["unique_key"], name="flowrra_unique_key"),
        ),
        migrations.AddIndex(
            model_name="taskrecord",
            index=PartialIndex(
                condition=Q(expires_at__isnull=False, status="pending", claim=0),
                fields=["expires_at"],
                mysql_fields=["status", "expires_at"],
                name="flowrra_expiring",
            ),
        ),
    ]
