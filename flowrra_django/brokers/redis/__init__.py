"""The index in Redis: a part of the ledger there, or over a ledger that is elsewhere."""

from .broker import RedisBroker
from .leasing import LeasingBroker

__all__ = ["LeasingBroker", "RedisBroker"]
