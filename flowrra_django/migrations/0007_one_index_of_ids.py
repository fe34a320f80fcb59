"""On PostgreSQL, Django makes a second index of a unique text, for LIKE, which nothing here asks.

Each job is written to it three times: a tenth of what that adds to the server's log.
"""

from django.db import migrations, models

FIELD = "task_id"


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        model, index = _second(apps, schema_editor)
        schema_editor.remove_index(model, index, concurrently=True)


def create(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        model, index = _second(apps, schema_editor)
        schema_editor.add_index(model, index, concurrently=True)


def _second(apps, schema_editor):
    model = apps.get_model("flowrra_django", "TaskRecord")
    name = schema_editor._create_index_name(  # noqa: SLF001 - a field's index has no public name
        model._meta.db_table, [FIELD], suffix="_like"
    )
    return model, models.Index(fields=[FIELD], name=name, opclasses=["varchar_pattern_ops"])


class Migration(migrations.Migration):
    atomic = False  # only so can others write while an index is dropped or made

    dependencies = [
        ("flowrra_django", "0006_abandoned_threads"),
    ]

    operations = [migrations.RunPython(drop, create)]
