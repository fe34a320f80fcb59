"""Stores over one ledger, with a worker in it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from flowrra_django.brokers.database import DatabaseBroker
from flowrra_django.engine.stores import Stores
from tests.contracts.acts import enlist
from tests.contracts.stores import Clock, Ledger, emptied


@contextmanager
def stores_with_a_worker(
    ledger: Ledger, request: pytest.FixtureRequest, clock: Clock
) -> Iterator[Stores]:
    """Give the stores of an emptied database, in which worker `w` is enlisted."""
    emptied(ledger, request)
    backend = ledger.open(clock)
    stores = Stores(backend, DatabaseBroker(backend))
    enlist(backend, "w")
    yield stores
    stores.close()
