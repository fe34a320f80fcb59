"""Where contestants run: servers that nobody else uses, emptied for each of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests import servers
from tests.benchmarks.contestants import Contestant
from tests.support import ROOT

DATABASE = "bench"
ACT_SECONDS = 120.0


@dataclass(frozen=True)
class Ground:
    """A folder, and the URLs of the servers that could be started; `missing` says why not."""

    folder: Path
    urls: dict[str, str]
    missing: dict[str, str]

    def why_not(self, contestant: Contestant) -> str:
        """Return why it cannot be measured here; "" if it can."""
        if contestant.version is None:
            return f"{contestant.package} is not installed (the bench extra has it)"
        reasons = [self.missing[kind] for kind in contestant.servers if kind in self.missing]
        return "; ".join(reasons)

    def environment(self, contestant: Contestant, **more: object) -> dict[str, str]:
        own = {
            "DJANGO_SETTINGS_MODULE": "tests.benchmarks.ours.settings",
            "BENCH_FOLDER": str(self.folder / "run"),
            "BENCH_STORE": contestant.store,
            "BENCH_REDIS": self.urls.get("redis", ""),
            "BENCH_POSTGRES": self.urls.get("postgres", ""),
            "PYTHONPATH": str(ROOT),
        }
        told = {key: str(value) for key, value in more.items()}
        return {**os.environ, **own, **contestant.environment, **told}

    def clear(self, contestant: Contestant) -> None:
        """Leave nothing of the one before, and let this one make its tables."""
        shutil.rmtree(self.folder / "run", ignore_errors=True)
        (self.folder / "run").mkdir()
        if "redis" in contestant.servers:
            clear_redis(self.urls["redis"])
        if "postgres" in contestant.servers:
            clear_postgres(self.urls["postgres"])
        self.act(contestant, "prepare")

    def act(self, contestant: Contestant, act: str, job: str = "noop", count: int = 0) -> str:
        """Let a client do its act; return what it printed."""
        words = ("client", act, contestant.module, job, str(count))
        return self.run(contestant, *words, patience=ACT_SECONDS + count / 50)

    def run(self, contestant: Contestant, name: str, *words: str, patience: float) -> str:
        """Run a module of this package for a contestant; return the last line that it printed."""
        command = [sys.executable, "-m", f"tests.benchmarks.{name}", *words]
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=self.environment(contestant, BENCH_SLOTS=contestant.slots),
                capture_output=True, text=True, check=False, timeout=patience,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise BrokenContestantError(f"{words[0]} took over {patience:.0f} s") from None
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise BrokenContestantError(f"{words[0]} failed: {last}")
        return done.stdout.splitlines()[-1]


class BrokenContestantError(Exception):
    """It could not do what it was to do; says why."""


@contextmanager
def open_ground(kinds: set[str]) -> Iterator[Ground]:
    """Start what servers are needed; take all away in the end."""
    urls, missing = {}, {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="flowrra_bench_")))
        (folder / "run").mkdir()
        for kind in sorted(kinds):
            try:
                server = stack.enter_context(servers.private(kind))
            except (servers.NoServerError, OSError, subprocess.SubprocessError) as error:
                missing[kind] = f"no {kind}: {error}"
            else:
                urls[kind] = server.url.removesuffix("/postgres") + f"/{DATABASE}" * (
                    kind == "postgres"
                )
        if "redis" in urls:
            forget_on_exit(urls["redis"])
        yield Ground(folder, urls, missing)


def forget_on_exit(url: str) -> None:
    """Let Redis keep nothing on disk, as all figures of peers are given."""
    import redis  # noqa: PLC0415 - only where there is a server

    with closing(redis.Redis.from_url(url)) as client:
        client.config_set("appendonly", "no")


def clear_redis(url: str) -> None:
    import redis  # noqa: PLC0415 - likewise

    with closing(redis.Redis.from_url(url)) as client:
        client.flushall()


def clear_postgres(url: str) -> None:
    import psycopg  # noqa: PLC0415 - likewise

    with closing(
        psycopg.connect(url.replace(f"/{DATABASE}", "/postgres"), autocommit=True)
    ) as admin:
        with suppress(psycopg.errors.InvalidCatalogName):
            admin.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {DATABASE}")
