"""The index in a Django database: it is the table of the ledger itself."""

from .broker import DatabaseBroker

__all__ = ["DatabaseBroker"]
