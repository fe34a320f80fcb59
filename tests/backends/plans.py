"""How SQLite goes about the statements of a call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.db import connection

EXPLAINED = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")


class Plan(NamedTuple):
    """A statement, and the steps of `EXPLAIN QUERY PLAN` for it."""

    statement: str
    steps: tuple[str, ...]


@contextmanager
def explained() -> Iterator[list[Plan]]:
    """Collect the plan of every statement that is executed inside, as it was when it ran."""
    plans: list[Plan] = []

    def explain(execute: Any, statement: str, parameters: Any, many: bool, context: Any) -> Any:
        if statement.split(maxsplit=1)[0] in EXPLAINED:
            first = next(iter(parameters)) if many else parameters
            raw = connection.connection.cursor()
            raw.execute(f"EXPLAIN QUERY PLAN {statement.replace('%s', '?')}", list(first or ()))
            plans.append(Plan(" ".join(statement.split()), tuple(row[3] for row in raw)))
        return execute(statement, parameters, many, context)

    with connection.execute_wrapper(explain):
        yield plans


def steps_on(table: str, plans: list[Plan]) -> list[str]:
    """Return the steps that read a table, or sort."""
    steps = [step for plan in plans for step in plan.steps]
    return [step for step in steps if table in step or "TEMP B-TREE" in step]
