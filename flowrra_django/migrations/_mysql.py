"""What MySQL and MariaDB need beside what Django makes there."""

from __future__ import annotations

from typing import Any

from django.db.migrations.operations.base import Operation

CONVERT = "ALTER TABLE {table} CONVERT TO CHARACTER SET utf8mb4 COLLATE {collation}"
MARIADB_COLLATION, MYSQL_COLLATION = "utf8mb4_nopad_bin", "utf8mb4_0900_bin"


class TellTextsApart(Operation):
    """Let the table of a model hold all texts, and take no two of them for the same.

    Else, as most of these databases are set up, a queue `Mail` is the queue `mail` too.
    """

    reversible = True
    reduces_to_sql = True

    def __init__(self, model_name: str) -> None:
        self.model_name = model_name

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Change nothing: the models are the same for every database."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        connection = schema_editor.connection
        model = to_state.apps.get_model(app_label, self.model_name)
        if connection.vendor != "mysql" or not self.allow_migrate_model(connection.alias, model):
            return
        collation = MARIADB_COLLATION if connection.mysql_is_mariadb else MYSQL_COLLATION
        table = schema_editor.quote_name(model._meta.db_table)
        schema_editor.execute(CONVERT.format(table=table, collation=collation))

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Change nothing: the table goes next."""

    def describe(self) -> str:
        return f"Let the table of {self.model_name} tell all texts apart on MySQL and MariaDB"
