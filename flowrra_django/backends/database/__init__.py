"""The ledger in a Django database: raw SQL over the table that `TaskRecord` describes."""

from .backend import DatabaseBackend

__all__ = ["DatabaseBackend"]
