"""The pytest fixture `flowrra_jobs`, beside pytest-django's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .testing import FlowrraJobs


@pytest.fixture
def flowrra_jobs(db: None) -> Iterator[FlowrraJobs]:
    """Run and look at the test's jobs: the functions of `flowrra_django.testing`, as methods.

    `run`, `enqueued`, `assert_enqueued`, `immediate` and `clear`.
    """
    # Not before: pytest loads this plugin wherever it is installed, also where Django has no use.
    from .testing.fixture import jobs_of_a_test  # noqa: PLC0415

    yield from jobs_of_a_test()
