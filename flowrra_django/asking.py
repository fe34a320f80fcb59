"""What there is to know of the jobs of a site, as plain values: lists of dicts, ready for JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .backends.answers import Beat
from .engine.stores import Stores
from .job import all_lanes
from .registry import Task, TaskRegistry
from .results import TaskResult, TaskStatus
from .tasks import OWN

MOST = 10_000  # no further is counted
LOOKED_AT = 25  # of the jobs that wait, to tell for how long
MOST_RUNNING = 1_000
ALL = "every queue"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Site:
    """The tasks and stores of a site, and after how long a silent worker is given up."""

    registry: TaskRegistry
    stores: Stores
    heartbeat_timeout: float

    def running(self) -> list[TaskResult]:
        """Return summaries of the jobs that run, up to MOST_RUNNING of them, the last one first."""
        backend = self.stores.backend
        found = backend.summaries(backend.running(MOST_RUNNING)).values()
        running = [result for result in found if result.status is TaskStatus.RUNNING]
        return sorted(running, key=_started, reverse=True)

    def queues(self, running: Collection[TaskResult]) -> list[Row]:
        """Tell of each queue that a task names or a job waits on: what waits, and who serves it.

        `waited` is for how many seconds one of the first that may run has waited.
        """
        backend = self.stores.backend
        paused = backend.paused()
        runs = Counter(result.queue for result in running)
        names = {task.queue for task in self._tasks()} | backend.queues() | paused | runs.keys()
        depths = self.stores.broker.depths(names, MOST)
        waited = self._waited(names)
        alive = self._alive()
        return [
            {
                "queue": name,
                "waiting": depths[name],
                "waited": waited.get(name, 0.0),
                "workers": len(_serving(name, alive)),
                "running": runs[name],
                "paused": name in paused,
            }
            for name in sorted(names)
        ]

    def obstacle(self, name: str) -> str:
        """Say why no job of a queue is begun; nothing where one would be."""
        if name in self.stores.backend.paused():
            return f"Queue {name!r} is paused."
        return "" if _serving(name, self._alive()) else f"No worker serves queue {name!r}."

    def served_queue(self, usual: str) -> str:
        """Return the usual queue if its jobs would be begun, else another where they would be."""
        named = {name for beat in self._alive() for name in beat.worker.queues}
        queues = [usual, *sorted(named)]
        return next((name for name in queues if not self.obstacle(name)), usual)

    def waiting(self, name: str) -> int:
        """Return how many jobs wait for a queue; no more than MOST are counted."""
        return self.stores.broker.depth(all_lanes([name]), MOST)

    def workers(self, running: Collection[TaskResult]) -> list[Row]:
        """Tell of each worker that has not signed off."""
        runs = Counter(result.worker for result in running)
        beats = self.stores.backend.beats()
        return [{**self._worker(beat), "running": runs[beat.worker.worker_id]} for beat in beats]

    def tasks(self) -> list[Row]:
        """Tell of each task, with the first line of its documentation."""
        return [_task(task) for task in sorted(self._tasks(), key=lambda task: task.name)]

    def troubles(
        self, most_waited: float, queues: Collection[Row], workers: Collection[Row]
    ) -> list[str]:
        """Say in words what is wrong; `most_waited` is in seconds."""
        found = [_silence(row) for row in workers if not row["alive"]]
        for row in queues:
            waiting = waits(row["waiting"], row["queue"])
            if row["paused"] and row["waiting"]:
                found.append(f"{waiting}, which is paused.")
            elif row["waiting"] and not row["workers"]:
                found.append(f"{waiting}, which no worker serves.")
            elif not row["workers"]:
                found.append(f"No worker serves queue {row['queue']!r}.")
            elif row["waited"] > most_waited:
                found.append(f"{waiting}, one of them for {row['waited']:.0f} s.")
        return found

    def _tasks(self) -> list[Task]:
        """Return the site's tasks, without the app's own."""
        return [task for task in self.registry if task.name not in OWN]

    def _alive(self) -> list[Beat]:
        return [beat for beat in self.stores.backend.beats() if self._is_alive(beat)]

    def _is_alive(self, beat: Beat) -> bool:
        return beat.age <= self.heartbeat_timeout

    def _waited(self, names: Collection[str]) -> dict[str, float]:
        backend = self.stores.backend
        since, now = backend.waiting_since(names, LOOKED_AT), backend.now()
        return {name: max(0.0, (now - moment).total_seconds()) for name, moment in since.items()}

    def _worker(self, beat: Beat) -> Row:
        worker = beat.worker
        return {
            "worker": worker.worker_id,
            "host": worker.host,
            "pid": worker.pid,
            "version": worker.version,
            "queues": ", ".join(worker.queues) or ALL,
            "silent": beat.age,
            "memory": beat.vitals.memory,
            "abandoned": beat.vitals.abandoned,
            "draining": beat.is_draining,
            "alive": self._is_alive(beat),
            "late": beat.age > self.heartbeat_timeout / 2,
        }


def _serving(name: str, alive: Collection[Beat]) -> list[Beat]:
    return [beat for beat in alive if not beat.worker.queues or name in beat.worker.queues]


def _task(task: Task) -> Row:
    return {
        "task": task.name,
        "kind": task.kind.value,
        "queue": task.queue,
        "priority": task.priority,
        "about": task.about,
    }


def _started(result: TaskResult) -> datetime:
    return result.started_at or datetime.min.replace(tzinfo=UTC)


def _silence(row: Row) -> str:
    words = f"Worker {row['host']}:{row['pid']} has been silent for {row['silent']:.0f} s"
    held = row["running"]
    return f"{words}{f' and held {held} job' if held else ''}{'s' if held > 1 else ''}."


def waits(number: int, queue: str) -> str:
    """Say in words how many jobs wait for a queue."""
    words = "1 job waits" if number == 1 else f"{number}{' or more' * (number >= MOST)} jobs wait"
    return f"{words} for queue {queue!r}"
