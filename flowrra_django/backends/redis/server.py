"""A namespace on a Redis server: its connections, its scripts, and what its errors mean."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ...config import StoreConfig
from ...exceptions import ConfigurationError
from ...rules import masked

logger = logging.getLogger(__name__)

LAYOUT = "v1"  # of the keys; a release with another one does not touch these
OLDEST = (6, 2)
WAIT_SECONDS = 1.0  # for a connection, while all are in use
HEALTH_SECONDS = 10

PASSING = (
    redis.ConnectionError, redis.TimeoutError, redis.ReadOnlyError, redis.exceptions.TryAgainError,
    redis.exceptions.ClusterDownError,
)  # fmt: skip
LASTING = (redis.AuthenticationError, redis.exceptions.AuthorizationError)
PASSING_WORDS = ("MISCONF", "NOREPLICAS", "OOM", "LOADING", "MASTERDOWN", "READONLY")

Prefix = str
Script = Callable[..., Any]


class Pool(redis.BlockingConnectionPool):
    """The connections of one process, which forgets those of its parent after a fork."""

    def get_connection(self, *args: Any, **kwargs: Any) -> Any:
        """Wait a moment where all are in use."""
        try:
            return super().get_connection(*args, **kwargs)  # type: ignore[no-untyped-call]
        except redis.ConnectionError as error:
            if str(error) != "No connection available.":
                raise
            raise redis.ConnectionError(
                f"All {self.max_connections} connections to Redis are in use. "
                "Raise MAX_CONNECTIONS, or use fewer threads."
            ) from None


@cache
def _client(url: str, max_connections: int, seconds: float) -> redis.Redis:
    """Return the one client of this process.

    It sends nothing twice, so that who waits for it does so for no longer than the timeout.
    """
    options = _options(url, seconds)
    pool = Pool.from_url(url, max_connections=max_connections, timeout=WAIT_SECONDS, **options)
    return redis.Redis(connection_pool=pool)


def _options(url: str, seconds: float) -> dict[str, Any]:
    of_tcp = {} if url.startswith("unix:") else {"socket_keepalive": True}
    return of_tcp | {
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
        "retry": Retry(NoBackoff(), 0),
        "decode_responses": True,
        "encoding_errors": "surrogateescape",  # whatever is there can be read, and named again
        "protocol": 2,
    }


class RedisServer:
    """Runs scripts on the keys of one namespace, which a hash tag keeps together.

    `ahead` is by how many seconds its clock is put forward: tests let time pass.
    """

    def __init__(
        self,
        config: StoreConfig,
        part: str,
        scripts: Mapping[str, str],
        ahead: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._config = config
        self.base = f"{{{config.namespace}}}:{LAYOUT}:{part}:"
        self.client = _client(config.url, config.max_connections, config.socket_timeout)
        self._scripts = {name: self.client.register_script(text) for name, text in scripts.items()}
        self._ahead = ahead
        self._check_lock = threading.Lock()
        self._is_checked = self._has_told = False

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a script; return its value.

        Raises ConfigurationError at the first use of a server that may lose jobs, or is too old.
        """
        self.check()
        dropped, value = self._scripts[script](
            keys=[self.base], args=[round(self._ahead() * 1e6), *arguments]
        )
        if dropped:
            self._tell(dropped)
        return value

    def check(self) -> None:
        """Look once whether the server is fit to keep jobs."""
        if self._is_checked:
            return
        with self._check_lock:
            try:
                check_server(self.client.info())
            except redis.exceptions.NoPermissionError:
                logger.warning("This Redis user may not read INFO: the server was not checked.")
            self._is_checked = True

    def run_id(self) -> str:
        """Return what names the server until it is started again; "?" if that may not be read."""
        try:
            return str(self.client.info("server")["run_id"])
        except redis.exceptions.NoPermissionError:
            return "?"

    def own_client(self) -> redis.Redis:
        """Return a client of the caller's own, for reads that block."""
        url = self._config.url
        options = _options(url, self._config.socket_timeout)
        return redis.Redis.from_url(url, health_check_interval=HEALTH_SECONDS, **options)

    def __str__(self) -> str:
        return masked(self._config.url)

    def _tell(self, dropped: int) -> None:
        level = logging.DEBUG if self._has_told else logging.WARNING
        self._has_told = True
        logger.log(
            level,
            "Set aside %d entries that are no job; the last ones are in %sdead. Another program "
            "may use these keys: give each a NAMESPACE of its own.",
            dropped,
            self.base,
        )


def check_server(info: Mapping[str, Any]) -> None:
    """Raise ConfigurationError for a server that is too old, or may forget jobs."""
    version = str(info["redis_version"])
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise ConfigurationError(f"Redis {version} is too old: {oldest} or later is needed.")
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise ConfigurationError(
            f"This Redis forgets keys when it is full (maxmemory-policy {policy}), and jobs with "
            "them. Set maxmemory-policy to noeviction, or use a Redis of its own for jobs."
        )


def is_busy(error: Exception) -> bool:
    """Whether somebody's script keeps the server busy just now."""
    return isinstance(error, redis.ResponseError) and str(error).startswith("BUSY")


def is_full(error: Exception) -> bool:
    """Whether the server has no memory left; before Redis 7, a script's error is that in words."""
    return isinstance(error, redis.OutOfMemoryError) or (
        isinstance(error, redis.ResponseError) and "-OOM " in str(error)
    )


def is_outage(error: Exception) -> bool:
    """Whether the server is away, full or closed to writes, and may not be so for ever."""
    if isinstance(error, LASTING):
        return False
    if isinstance(error, PASSING) or is_full(error):
        return True
    return isinstance(error, redis.ResponseError) and str(error).startswith(PASSING_WORDS)
