"""The pages of rows that somebody else has written, over every database."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from django.contrib.admin.sites import site
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.test import RequestFactory

from flowrra_django.engine.stores import Stores
from flowrra_django.models import TaskRecord
from tests.admin.support import make_record, text_of
from tests.backends.test_strange_rows import moments, spoil
from tests.contracts.stores import DATABASES, Clock, Pair, emptied

pytestmark = pytest.mark.sqlite

COLUMNS = ("submitted_at", "run_after", "due_at", "started_at", "finished_at", "expires_at")


@pytest.fixture(params=DATABASES, ids=lambda pair: pair.name)
def stores(request: pytest.FixtureRequest, clock: Clock, settings: Any) -> Any:
    pair: Pair = request.param
    emptied(pair.ledger, request)
    opened = pair.open(clock)
    settings.FLOWRRA = {"BACKEND": f"django://{opened.backend.alias}"}  # type: ignore[attr-defined]
    yield opened
    opened.close()


def request_of_root() -> HttpRequest:
    request = RequestFactory().get("/")
    request.user = User(pk=1, username="root", is_superuser=True, is_active=True, is_staff=True)
    return request


@pytest.mark.parametrize("status", ["pending", "running", "failed"])
def test_a_moment_that_has_no_name_takes_no_page_down(stores: Stores, status: str) -> None:
    alias = stores.backend.alias  # type: ignore[attr-defined]
    records = [make_record(using=alias)]
    for column, moment in product(COLUMNS, moments(stores)):
        record = make_record(using=alias, status=status)
        spoil(stores, record.task_id, **{column: moment})
        records.append(record)
    pages = site._registry[TaskRecord]
    found = pages.changelist_view(request_of_root())
    page = text_of(found.render())
    assert found.context_data["cl"].result_count == len(records)
    assert page.count("shop. tasks. send") == len(records)
    for record in records:
        page = text_of(pages.change_view(request_of_root(), str(record.pk)).render())
        assert record.task_id in page
