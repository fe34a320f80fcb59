from __future__ import annotations

import pytest

from flowrra_django.testing import clear_jobs
from tests.testing import tasks


@pytest.fixture(autouse=True)
def _no_calls():
    tasks.calls.clear()


@pytest.fixture(params=["django://default", "memory://"])
def ledger(request, db, settings):
    """Keep the test's jobs in each kind of ledger, inside the transaction of a `TestCase`."""
    settings.FLOWRRA = {"BACKEND": {"URL": request.param}}
    yield request.param
    clear_jobs()
