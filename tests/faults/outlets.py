"""What can be done to a server from outside: emptied, or filled for a while."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from urllib.parse import urlsplit

import psycopg
import pymysql
import redis

from .engines import Engine


def flush(url: str) -> None:
    """Empty a Redis."""
    with closing(redis.Redis.from_url(url)) as client:
        client.flushall()


def spoil(url: str, namespace: str, number: int) -> int:
    """Put so many random entries straight into each key of a Redis namespace; return of how many.

    The keys of single jobs get a field each, and what is no collection is left alone.
    """
    with closing(redis.Redis.from_url(url)) as client:
        keys = list(client.scan_iter(match=f"{{{namespace}}}:*", count=1000))
        for key in keys:
            put = SPOIL.get(client.type(key).decode())
            if put is not None:
                put(
                    client,
                    key,
                    [random.randbytes(20) for _ in range(1 if b":job:" in key else number)],
                )
    return len(keys)


def full(engine: Engine, url: str) -> AbstractContextManager[None]:
    """Leave an engine's server no memory, or no connection, for more than there is now."""
    return FULL[engine.database or engine.backend](url)


@contextmanager
def _redis_without_memory(url: str) -> Iterator[None]:
    with closing(redis.Redis.from_url(url)) as client:
        client.config_set("maxmemory", 1)
        try:
            yield
        finally:
            client.config_set("maxmemory", 0)


@contextmanager
def _postgres_without_connections(url: str) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            while True:
                stack.enter_context(psycopg.connect(url))
        except psycopg.OperationalError:
            yield


@contextmanager
def _mysql_without_connections(url: str) -> Iterator[None]:
    parts = urlsplit(url)
    login = {"host": parts.hostname, "port": parts.port, "user": parts.username}
    with ExitStack() as stack:
        try:
            while True:
                stack.enter_context(closing(pymysql.connect(**login)))
        except pymysql.err.OperationalError:
            yield


SPOIL: dict[str, Callable[[redis.Redis, bytes, list[bytes]], object]] = {
    "zset": lambda client, key, junk: client.zadd(key, {j: random.gauss(0, 1e6) for j in junk}),
    "set": lambda client, key, junk: client.sadd(key, *junk),
    "list": lambda client, key, junk: client.lpush(key, *junk),
    "hash": lambda client, key, junk: client.hset(key, mapping={j: j for j in junk}),
}
FULL: dict[str, Callable[[str], AbstractContextManager[None]]] = {
    "redis": _redis_without_memory,
    "postgres": _postgres_without_connections,
    "mysql": _mysql_without_connections,
}
