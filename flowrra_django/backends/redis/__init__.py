"""The ledger in Redis: a hash for each job, changed by scripts alone."""

from .backend import RedisBackend

__all__ = ["RedisBackend"]
