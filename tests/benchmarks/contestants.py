"""Who is measured: on which store, how its worker is started, what it keeps."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from importlib import metadata

PYTHON = sys.executable
DRAIN_SLOTS, NAP_SLOTS = 100, 500

STORES = ("memory", "sqlite", "postgresql", "redis+postgresql", "redis")


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """`command` starts its worker; `{slots}` in it stands for how many jobs it runs at once.

    `pace` is roughly how many jobs it drains in a second, so that a round takes about as long for
    each. `jobs` names what it is measured with, `ways` how it enqueues; where what runs its no-op
    is no event loop, `runs_in` names the measure of ours that does the same.
    """

    name: str
    store: str
    module: str
    command: tuple[str, ...]
    package: str
    pace: int
    keeps: str
    slots: int = DRAIN_SLOTS
    jobs: tuple[str, ...] = ("noop", "nap")
    ways: tuple[str, ...] = ("enqueue",)
    runs_in: str = ""
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def is_ours(self) -> bool:
        return self.package == "flowrra-django"

    @property
    def servers(self) -> tuple[str, ...]:
        return tuple(kind for kind in ("redis", "postgres") if kind in self.store)

    @property
    def title(self) -> str:
        return self.name if self.is_ours else f"{self.name} {self.version}"

    @property
    def version(self) -> str | None:
        """Return the installed version; None if there is none."""
        try:
            return metadata.version(self.package)
        except metadata.PackageNotFoundError:
            return None


def _module(*words: str) -> tuple[str, ...]:
    return (PYTHON, "-m", *words)


def _peer(name: str, package: str, **rest: object) -> Contestant:
    module = f"tests.benchmarks.peers.{rest.pop('file', package.replace('-', '_'))}_jobs"
    return Contestant(name=name, package=package, module=module, **rest)  # type: ignore[arg-type]


def _django(apps: str) -> dict[str, str]:
    return {"BENCH_APPS": apps}


IN_MEMORY = (
    Contestant(
        name="flowrra_django", store="memory", module="flowrra_django", command=(),
        package="flowrra-django", pace=20_000, keeps="results, as long as the process lives",
    ),
    Contestant(
        name="flowrra", store="memory", module="flowrra", command=(), package="flowrra",
        pace=20_000, keeps="results, as long as the process lives",
    ),
)  # fmt: skip

OURS = tuple(
    Contestant(
        name="flowrra_django",
        store=store,
        module="tests.benchmarks.ours.jobs",
        # As quiet as the peers are: each of them would log a line for each job as well.
        command=_module("django", "runflowrra", "--io-workers", "{slots}", "--verbosity", "0"),
        package="flowrra-django",
        pace=pace,
        keeps=keeps,
        jobs=("noop", "plain", "cpu", "nap"),
        ways=("enqueue", "aenqueue", "enqueue_many"),
    )
    for store, pace, keeps in (
        ("sqlite", 8_000, "results, and no job lost"),
        ("postgresql", 6_000, "results, and no job lost"),
        ("redis+postgresql", 5_000, "results, and no job lost"),
        ("redis", 8_000, "results, and no job lost that Redis keeps"),
    )
)

_HUEY = _peer(
    "Huey", "huey", store="redis", pace=2_500,
    command=_module("huey.bin.huey_consumer", "tests.benchmarks.peers.huey_jobs.huey", "-q",
                    "-k", "thread", "-w", "{slots}"),
    slots=8, keeps="results; a job is lost with the worker that took it", runs_in="plain",
)  # fmt: skip
_SAQ = _peer(
    "SAQ", "saq", store="redis", pace=1_500,
    command=_module("saq", "-q", "tests.benchmarks.peers.saq_jobs.settings"),
    keeps="results, for ten minutes; lost jobs are found by timeout",
)  # fmt: skip
_DJANGO_Q2 = _peer(
    "django-q2", "django-q2", store="sqlite", pace=250, jobs=("noop",),
    command=_module("django", "qcluster"), keeps="results", slots=1, runs_in="cpu",
    environment=_django("django.contrib.contenttypes django.contrib.auth django_q"),
)  # fmt: skip
_DJANGO_TASKS_DB = _peer(
    "django-tasks-db", "django-tasks-db", store="sqlite", pace=250, jobs=("noop",),
    command=_module("django", "db_worker", "--no-startup-delay", "--interval", "0.1"),
    keeps="results; jobs of lost workers stay running", slots=1, runs_in="plain",
    environment=_django("django_tasks django_tasks_db tests.benchmarks.ours"),
)  # fmt: skip

PEERS = (
    _peer(
        "Celery", "celery", store="redis", pace=700,
        command=_module("celery", "-A", "tests.benchmarks.peers.celery_jobs", "-q", "worker",
                        "-l", "ERROR", "-c", "1", "--without-gossip", "--without-mingle"),
        keeps="results, acknowledged late (its default loses jobs of dead workers)",
        jobs=("noop",), slots=1, runs_in="cpu",
    ),
    _peer(
        "Dramatiq", "dramatiq", store="redis", pace=1_500,
        command=_module("dramatiq", "tests.benchmarks.peers.dramatiq_jobs", "-p", "1",
                        "-t", "{slots}"),
        keeps="results, for ten minutes", slots=8, runs_in="plain",
    ),
    _HUEY,
    _SAQ,
    _peer(
        "flowrra", "flowrra", store="redis", pace=2_500,
        command=_module("tests.benchmarks.peers.flowrra_jobs"),
        keeps="results; a job is lost with the worker that took it",
    ),
    replace(_SAQ, store="postgresql", pace=600),
    _peer(
        "Procrastinate", "procrastinate", store="postgresql", pace=300,
        command=_module("procrastinate", "--log-level", "error", "-a",
                        "tests.benchmarks.peers.procrastinate_jobs.app",
                        "worker", "--concurrency", "{slots}"),
        keeps="states of jobs, and no results", ways=("enqueue", "enqueue_many"),
    ),
    _peer(
        "pgqueuer", "pgqueuer", store="postgresql", pace=5_000,
        command=_module("tests.benchmarks.peers.pgqueuer_jobs"),
        keeps="a log of states, and no results", ways=("enqueue", "enqueue_many"),
    ),
    replace(_DJANGO_Q2, store="postgresql", pace=400),
    replace(_DJANGO_TASKS_DB, store="postgresql"),
    replace(_HUEY, store="sqlite", pace=2_000),
    _DJANGO_Q2,
    _DJANGO_TASKS_DB,
)  # fmt: skip
