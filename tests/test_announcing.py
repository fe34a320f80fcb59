"""Telling a site of its jobs, off the loop and in order."""

import sys
import threading
import traceback

import pytest

from flowrra_django import announcing
from flowrra_django.announcing import Announcer, announce
from flowrra_django.engine.events import Finished, Started
from flowrra_django.exceptions import JobFailedError
from flowrra_django.job import ErrorInfo, Job, Kind
from flowrra_django.results import TaskStatus
from flowrra_django.retry import Settlement
from tests.support import until

JOB = Job(task_id="x", task_name="t", kind=Kind.IO, args=[], kwargs={})
ERROR = ErrorInfo("no luck", "shop.errors.NoLuck", "Traceback …\nshop.errors.NoLuck: no luck\n")

pytestmark = pytest.mark.django_db


class Audience:
    """Hears of everything, or of nothing, and notes on which thread with which exception."""

    def __init__(self, listens=True, error=None):
        self.listens = listens
        self.error = error
        self.heard = []

    def wants(self, event):
        return self.listens

    def hear(self, event):
        self.heard.append((event, threading.current_thread().name, sys.exception()))
        if self.error:
            raise self.error

    @property
    def ids(self):
        return [event.job.task_id for event, *_ in self.heard]


def started(number=0):
    return Started(Job(task_id=str(number), task_name="t", kind=Kind.IO, args=[], kwargs={}))


def failed(exception=None, error=ERROR):
    return Finished(Settlement(job=JOB, status=TaskStatus.FAILED, error=error), 1.0, exception)


@pytest.fixture
def announcer():
    made = Announcer([])
    yield made
    made.stop()


def test_events_are_told_in_order_on_a_thread_of_its_own(announcer):
    audience = Audience()
    announcer._audiences = [audience]
    for number in range(100):
        announcer.put(started(number))
    announcer.stop()
    assert audience.ids == [str(number) for number in range(100)]
    assert {thread for _, thread, _ in audience.heard} == {"flowrra-signals"}


def test_where_nobody_listens_there_is_no_thread(announcer):
    announcer._audiences = [Audience(listens=False)]
    announcer.put(started())
    assert announcer._thread is None
    assert "flowrra-signals" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("error", [ValueError("own"), SystemExit(3), KeyboardInterrupt()])
def test_who_raises_is_logged_and_hears_on(announcer, error, caplog):
    audience = Audience(error=error)
    announcer._audiences = [audience]
    announcer.put(started(1))
    announcer.put(started(2))
    announcer.stop()
    assert audience.ids == ["1", "2"]
    assert caplog.text.count(type(error).__name__) >= 2


def test_who_raises_takes_nothing_from_others():
    deaf, other = Audience(error=ValueError("own")), Audience()
    announce([deaf, other], started())
    assert other.ids == ["0"]


def test_the_loop_never_waits_for_slow_receivers(announcer, monkeypatch, caplog):
    monkeypatch.setattr(announcing, "MOST_WAITING", 5)
    go = threading.Event()
    audience = Audience()
    audience.wants = lambda event: True
    hear = audience.hear
    audience.hear = lambda event: (go.wait(10), hear(event))
    announcer._audiences = [audience]
    announcer.put(started("first"))
    until(lambda: announcer._events.qsize() == 0)
    for number in range(20):
        announcer.put(started(number))
    go.set()
    announcer.stop()
    assert audience.ids == ["first", *map(str, range(5))]
    assert caplog.text.count("too slow") == 1


def test_a_receiver_that_hangs_does_not_hold_up_the_end(announcer, monkeypatch, caplog):
    monkeypatch.setattr(announcing, "STOP_SECONDS", 0.05)
    go = threading.Event()
    audience = Audience()
    audience.hear = lambda event: go.wait(10)
    announcer._audiences = [audience]
    announcer.put(started())
    announcer.stop()
    assert "does not end" in caplog.text
    go.set()
    monkeypatch.setattr(announcing, "STOP_SECONDS", 5)


# The exception


def test_the_exception_that_the_code_raised_is_current():
    try:
        raise ValueError("no luck")
    except ValueError as error:
        raised = error
    audience = Audience()
    announce([audience], failed(raised))
    assert audience.heard[0][2] is raised
    assert sys.exception() is None


def test_an_exception_from_another_process_has_its_traceback_in_a_note():
    audience = Audience()
    announce([audience], failed(ValueError("no luck")))
    error = audience.heard[0][2]
    assert isinstance(error, ValueError)
    assert ERROR.traceback in "".join(traceback.format_exception(error))


def test_for_an_exception_that_is_nowhere_another_tells_of_it():
    audience = Audience()
    announce([audience], failed())
    error = audience.heard[0][2]
    assert isinstance(error, JobFailedError)
    assert str(error) == "shop.errors.NoLuck: no luck"
    assert ERROR.traceback in "".join(traceback.format_exception(error))


def test_a_job_that_succeeded_has_no_exception():
    audience = Audience()
    announce([audience], Finished(Settlement(job=JOB, status=TaskStatus.SUCCESS), 1.0))
    announce([audience], started())
    assert [error for *_, error in audience.heard] == [None, None]
