"""Stores of one's own: kept in memory, and treated as what other processes see too."""

from __future__ import annotations

from typing import Any

from flowrra_django.backends.memory import InMemoryBackend
from flowrra_django.brokers.memory import MemoryBroker
from flowrra_django.config import BackendConfig, BrokerConfig, Config, ExecutorConfig


class SharedBackend(InMemoryBackend):
    """A ledger that is worked on by a thread, and can be made to fail.

    `errors` are raised by the next reads and writes of workers, one each; `reads` counts results
    asked for.
    """

    is_shared = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.errors: list[Exception] = []
        self.reads = 0

    def results(self, task_ids: Any) -> Any:
        self.reads += 1
        self._trip()
        return super().results(task_ids)

    def dismiss(self, worker_id: str) -> None:
        self._trip()
        super().dismiss(worker_id)

    def is_outage(self, error: Exception) -> bool:
        return isinstance(error, ConnectionError)

    def _trip(self) -> None:
        if self.errors:
            raise self.errors.pop(0)


class SharedBroker(MemoryBroker):
    pass


URL = "shared://"
BACKEND = BackendConfig(URL, class_=f"{__name__}.SharedBackend")
BROKER = BrokerConfig(URL, class_=f"{__name__}.SharedBroker")


def shared(**options: Any) -> Config:
    return Config(BROKER, BACKEND, ExecutorConfig(**options))
