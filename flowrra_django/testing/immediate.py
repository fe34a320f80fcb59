"""`immediate_jobs`: a worker that is always there, on the thread that enqueues."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Literal, get_args
from unittest.mock import patch

from django.db import transaction
from django.test.utils import TestContextDecorator

from .. import runtime
from .running import run_jobs

Moment = Literal["enqueue", "commit"]
Push = Callable[[], None]


def immediate_jobs(at: Moment = "enqueue", *, raise_errors: bool = False) -> ImmediateJobs:
    """Run jobs as they are enqueued; a context manager, and a decorator of tests and `TestCase`s.

    Every enqueueing does what `run_jobs()` does: with `at="enqueue"` before it returns, whatever
    the transaction; with `at="commit"` when its transaction commits, which inside `TestCase` is
    at the end of `captureOnCommitCallbacks(execute=True)`, or of the job that enqueues.

    A job that fails is recorded as such, and nothing is raised. With `raise_errors`, its exception
    comes out of `enqueue` or of the commit, once it has failed for good and is recorded.
    """
    if at not in get_args(Moment):
        raise ValueError(
            f"Jobs are immediate at 'enqueue' or at 'commit', got {at!r}. As a decorator, "
            "write @immediate_jobs() with parentheses."
        )
    return ImmediateJobs(partial(MOMENTS[at], partial(run_jobs, raise_errors=raise_errors)))


class ImmediateJobs(TestContextDecorator):
    """Has the site's dispatcher run jobs where it would only tell the index of them."""

    def __init__(self, after_commit: Callable[[str, Push], None]) -> None:
        super().__init__()
        self._after_commit = after_commit
        self._entered: list[ExitStack] = []

    def enable(self) -> None:
        with ExitStack() as stack:
            stack.callback(runtime.get_dispatcher.cache_clear)
            stack.enter_context(patch.object(runtime, "_after_commit", self._after_commit))
            runtime.get_dispatcher.cache_clear()
            self._entered.append(stack.pop_all())

    def disable(self) -> None:
        self._entered.pop().close()


def _at_enqueue(run: Callable[[], object], alias: str, push: Push) -> None:
    push()
    run()


def _at_commit(run: Callable[[], object], alias: str, push: Push) -> None:
    transaction.on_commit(push, using=alias, robust=True)
    transaction.on_commit(run, using=alias)


MOMENTS = {"enqueue": _at_enqueue, "commit": _at_commit}
