"""What the suites of single engines share with those of the contracts."""

import pytest

from tests.contracts.stores import DATABASES, emptied, stores  # noqa: F401


@pytest.fixture(params=DATABASES, ids=lambda pair: pair.name)
def pair(request):
    emptied(request.param.ledger, request)
    return request.param
