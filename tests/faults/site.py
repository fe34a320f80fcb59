"""A site of its own for each scenario: its workers, its web process, and what was done to them."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any, Self

from tests.support import WorkerProcess, worker_process

from . import journal
from .checker import BrokenPromiseError, Harm, Verdict, judge
from .client import Web
from .engines import SETTINGS, Engine, lay
from .jobs import Jobs

FULL = os.environ.get("FLOWRRA_FAULTS") == "full"
LEASE_SECONDS = 2.0
EXECUTOR = {
    "IO_WORKERS": 8,
    "THREAD_WORKERS": 4,
    "CPU_WORKERS": 1,
    "HEARTBEAT_INTERVAL": 0.5,
    "HEARTBEAT_TIMEOUT": LEASE_SECONDS,
    "RESCUE_INTERVAL": 0.5,
    "RETRY_DELAY": 0.1,
}
RESCUED_SECONDS = LEASE_SECONDS + 3 * EXECUTOR["RESCUE_INTERVAL"]
QUIET_SECONDS = 3 * RESCUED_SECONDS  # longer than any job runs
PATIENCE_SECONDS = 600.0 if FULL else 90.0
SHORT_SECONDS = 6.0  # for what cannot succeed, since a mechanism is off


def size(quick: Any, full: Any) -> Any:
    """Return how much of it there is to be: FLOWRRA_FAULTS=full asks for all of it."""
    return full if FULL else quick


class Site(Jobs):
    """A site that is harmed. With a switch off, its workers lack that mechanism."""

    def __init__(self, engine: Engine, folder: Path, switch: str = "") -> None:
        super().__init__()
        self.engine = engine
        self.folder = folder
        self.switch = switch
        self.harms: list[Harm] = []
        self.others: Counter[str] = Counter()
        self.workers: list[WorkerProcess] = []
        self._numbers = count(1)
        self._noted: dict[int, dict[str, Any]] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.ground = lay(self.engine, self.folder, self._stack)
        self.environment = {
            "DJANGO_SETTINGS_MODULE": SETTINGS,
            journal.VARIABLE: str(self.folder / "journal"),
            "FLOWRRA_TEST_SETTINGS": json.dumps(self._flowrra({})),
            **self.ground.environment,
        }
        self.web = self._start_web()  # by which the checker reads, so with nothing off
        self.web.wipe()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # Its processes

    def another_web(self, **environment: str) -> Web:
        """Start a web process, with the switch off there too."""
        return self._start_web(FLOWRRA_TEST_SWITCH_OFF=self.switch, **environment)

    def _start_web(self, **environment: str) -> Web:
        log = self.folder / f"web-{next(self._numbers)}.log"
        web = Web({**self.environment, **environment}, log)
        self._stack.callback(web.stop)
        return web

    def start_worker(
        self, *options: str, settings: dict[str, Any] | None = None, **environment: str
    ) -> WorkerProcess:
        """Start a worker with periods shortened to the lease of here, and other settings."""
        worker = self._stack.enter_context(
            worker_process(
                *options,
                log=self.folder / f"worker-{next(self._numbers)}.log",
                **{
                    **self.environment,
                    "FLOWRRA_TEST_SETTINGS": json.dumps(self._flowrra(settings or {})),
                    "FLOWRRA_TEST_SWITCH_OFF": self.switch,
                    **environment,
                },
            )
        )
        self.workers.append(worker)
        return worker

    def start_workers(self, number: int, **settings: Any) -> list[WorkerProcess]:
        """Start workers, and wait until all are at work."""
        before = self.web.workers()
        started = [self.start_worker(settings=settings) for _ in range(number)]
        self.wait_until(lambda: self.web.workers() >= before + number)
        return started

    @property
    def living(self) -> list[WorkerProcess]:
        return [worker for worker in self.workers if worker.process.poll() is None]

    @property
    def logs(self) -> str:
        return "".join(worker.output for worker in self.workers)

    # What is done to it

    def kill(self, worker: WorkerProcess) -> None:
        worker.send(signal.SIGKILL)
        worker.wait()
        self.was_killed(worker)

    def was_killed(self, worker: WorkerProcess) -> None:
        now = time.time()
        self.harms.append(Harm(worker.pid, now, now))

    def open_gate(self) -> None:
        """Let those jobs end that wait for it."""
        (self.folder / "gate").touch()

    def freeze(self, worker: WorkerProcess) -> Callable[[], None]:
        """Stop a worker without its knowing; return what lets it go on."""
        began = time.time()
        worker.send(signal.SIGSTOP)

        def thaw() -> None:
            worker.send(signal.SIGCONT)
            self.harms.append(Harm(worker.pid, began, time.time()))

        return thaw

    # What became of it

    def wait_until(self, condition: Callable[[], Any], seconds: float = 20.0) -> bool:
        """Poll; return whether it came true. If not, the checker will have something to say."""
        deadline = time.monotonic() + self.patience(seconds)
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def patience(self, seconds: float) -> float:
        """Return for how long to wait for something that should take no more than so long."""
        return min(seconds, SHORT_SECONDS) if self.switch else seconds

    def settle_down(self) -> None:
        """Wait until every job is final, or nothing has changed for longer than rescue takes."""
        deadline = time.monotonic() + self.patience(PATIENCE_SECONDS)
        quiet = RESCUED_SECONDS if self.switch else QUIET_SECONDS
        seen, since = None, time.monotonic()
        while time.monotonic() < deadline:
            now = self.web.unsettled(list(self.ids.values())), self._journal_size()
            if not now[0]:
                return
            if now != seen:
                seen, since = now, time.monotonic()
            elif time.monotonic() - since > quiet:
                return
            time.sleep(0.1)

    def note(self) -> None:
        """Remember the jobs as they are: the checker complains if one that is final changes."""
        self._noted = self.states()

    def complain_unless(self, is_so: object, of_what: str) -> None:
        """Have the checker complain of something that the scenario has seen for itself."""
        self.complain_of(not is_so, of_what)

    def complain_of(self, count: int, what: str) -> None:
        self.others[what] += count

    def stop_workers(self) -> None:
        for worker in self.living:
            worker.send(signal.SIGTERM)
        if self.switch:  # it need not end by itself
            self.wait_until(lambda: not self.living, 2)
            for worker in self.living:
                worker.send(signal.SIGKILL)
        for worker in self.workers:
            worker.stop()

    def check(self) -> Verdict:
        """Let everything end, and count what was lost, stuck or doubled."""
        self.settle_down()
        states = self.states()
        self.stop_workers()
        after = self.states()
        self.others["changed"] += sum(
            before["status"] in {"success", "failed"} and before != after[key]
            for noted in (self._noted, states)
            for key, before in noted.items()
        )
        return judge(self.wanted, states, self.runs(), self.harms, +self.others)

    def _flowrra(self, executor: dict[str, Any]) -> dict[str, Any]:
        return {"EXECUTOR": {**EXECUTOR, **executor}, **self.ground.flowrra}

    def _journal_size(self) -> int:
        file = self.folder / "journal"
        return file.stat().st_size if file.exists() else 0


def insist(verdict: Verdict) -> None:
    """Raise BrokenPromiseError if the checker found anything."""
    if verdict.complaints:
        raise BrokenPromiseError(verdict.complaints)
