"""What the pytest fixture `flowrra_jobs` gives."""

from __future__ import annotations

from collections.abc import Iterator

from .. import runtime
from .asserting import assert_enqueued, clear_jobs, enqueued_jobs
from .immediate import immediate_jobs
from .running import run_jobs


class FlowrraJobs:
    """The functions of `flowrra_django.testing` under shorter names."""

    run = staticmethod(run_jobs)
    enqueued = staticmethod(enqueued_jobs)
    assert_enqueued = staticmethod(assert_enqueued)
    immediate = staticmethod(immediate_jobs)
    clear = staticmethod(clear_jobs)


def jobs_of_a_test() -> Iterator[FlowrraJobs]:
    """Yield them once, and clear jobs away where no database rolls them back."""
    yield FlowrraJobs()
    if not runtime.get_stores().backend.is_shared:
        clear_jobs()
