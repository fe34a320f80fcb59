"""A web process of the harmed site: does what it is told, a line of JSON at a time.

    python -m tests.faults.web

It can be killed, or stopped, at any moment, as a real one can.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import suppress
from datetime import timedelta
from typing import Any

import django
from django.db import DatabaseError, connection, connections, transaction

django.setup()

from flowrra_django import runtime  # noqa: E402
from flowrra_django.models import TaskRecord, WorkerProcess  # noqa: E402
from tests.faults import tasks  # noqa: E402

BATCH = 100


class Commands:
    """What a web process can be told. The names of the methods are the words of the language."""

    def __init__(self) -> None:
        self._transactions: list[transaction.Atomic] = []

    def enqueue(self, task: str, calls: list[list[Any]], options: dict[str, Any]) -> list[str]:
        if "run_after" in options:
            options["run_after"] = timedelta(seconds=options["run_after"])
        chosen = getattr(tasks, task).using(**options)
        ids: list[str] = []
        for start in range(0, len(calls), BATCH):
            batch = [tuple(call) for call in calls[start : start + BATCH]]
            ids += [handle.task_id for handle in chosen.enqueue_many(batch)]
        return ids

    def enqueue_one(self, task: str, call: list[Any]) -> str:
        return getattr(tasks, task).enqueue(*call).task_id

    def cancel(self, ids: list[str]) -> None:
        runtime.get_stores().cancel(ids, by="the web")

    def begin(self) -> None:
        atomic = transaction.atomic()
        atomic.__enter__()
        self._transactions.append(atomic)

    def commit(self) -> None:
        self._transactions.pop().__exit__(None, None, None)

    def roll_back(self) -> None:
        transaction.set_rollback(True)
        self.commit()

    def die_instead_of_pushing(self, number: int) -> None:
        """From now on, send itself a signal when a commit would be followed by a push."""
        runtime.get_stores().broker.push = lambda _: os.kill(os.getpid(), number)

    def unsettled(self, ids: list[str]) -> int:
        return len(set(ids) - runtime.get_stores().backend.settled_among(ids))

    def states(self, ids: list[str]) -> dict[str, dict[str, Any]]:
        results = runtime.get_stores().backend.results(ids)
        return {
            task_id: {
                "status": result.status.value,
                "attempts": result.attempts,
                "crashes": result.crashes,
                "worker": result.worker,
                "result": result.result,
                "error": result.error,
                "error_type": result.error_type,
            }
            for task_id, result in results.items()
        }

    def workers(self) -> int:
        return len(runtime.get_stores().backend.beats())

    def close(self) -> None:
        """Let go of connections as at the end of a request, but for one in a transaction."""
        if not self._transactions:
            connections.close_all()

    def wipe(self) -> None:
        """Leave nothing of the site before, in whose database this one is."""
        for model in (TaskRecord, WorkerProcess):
            model.objects.all().delete()

    def write(self, statement: str, rows: list[list[Any]]) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(statement, rows)

    def write_each(self, statement: str, rows: list[list[Any]]) -> int:
        """Write the rows that the database takes, for which MySQL is told not to be strict."""
        taken = 0
        with transaction.atomic(), connection.cursor() as cursor:
            if connection.vendor == "mysql":
                cursor.execute("SET sql_mode = ''")
            for row in rows:
                with suppress(DatabaseError, OverflowError, ValueError), transaction.atomic():
                    cursor.execute(statement, row)
                    taken += 1
        return taken


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    commands = Commands()
    for line in sys.stdin:
        word, arguments = json.loads(line)
        try:
            answer = {"answer": getattr(commands, word)(*arguments)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        commands.close()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
