"""An index with a condition, and what takes its place where there are no such indexes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Index, Q, UniqueConstraint


class PartialIndex(Index):
    """On MySQL and MariaDB, which leave the condition out, an index on `mysql_fields` instead."""

    def __init__(self, *, mysql_fields: Sequence[str], **options: Any) -> None:
        super().__init__(**options)
        self.mysql_fields = list(mysql_fields)

    def create_sql(self, model: Any, schema_editor: Any, using: str = "", **options: Any) -> Any:
        if schema_editor.connection.vendor != "mysql":
            return super().create_sql(model, schema_editor, using, **options)
        instead = Index(fields=self.mysql_fields, name=self.name)
        return instead.create_sql(model, schema_editor, using, **options)

    def deconstruct(self) -> Any:
        path, expressions, options = super().deconstruct()
        return path, expressions, {**options, "mysql_fields": self.mysql_fields}


class PartialUnique(UniqueConstraint):
    """A constraint on what a field holds, where it holds anything: most rows are in no index then.

    On MySQL and MariaDB, which leave conditions out, all of them are.
    """

    def __init__(self, fields: Sequence[str], name: str) -> None:
        condition = Q(**{f"{field}__isnull": False for field in fields})
        super().__init__(fields=fields, name=name, condition=condition)

    def create_sql(self, model: Any, schema_editor: Any) -> Any:
        return self._as_there(schema_editor).create_sql(model, schema_editor)

    def remove_sql(self, model: Any, schema_editor: Any) -> Any:
        return self._as_there(schema_editor).remove_sql(model, schema_editor)

    def deconstruct(self) -> Any:
        path, _, options = super().deconstruct()
        return path, (), {name: options[name] for name in ("fields", "name")}

    def _as_there(self, schema_editor: Any) -> UniqueConstraint:
        is_mysql = schema_editor.connection.vendor == "mysql"
        condition = None if is_mysql else self.condition
        return UniqueConstraint(fields=self.fields, name=self.name, condition=condition)
