from __future__ import annotations

from datetime import UTC, datetime, timedelta
from unittest.mock import ANY

import pytest
from django.contrib.auth.models import Group

from flowrra_django import JobNotFoundError
from flowrra_django.testing import assert_enqueued, clear_jobs, enqueued_jobs, run_jobs
from tests.testing import tasks

pytestmark = pytest.mark.usefixtures("ledger")


def test_jobs_that_wait_are_listed_in_the_order_of_enqueueing():
    tasks.note.enqueue_many([(1,), (2,)])
    tasks.note_mail.enqueue(3)
    tasks.note.using(run_after=timedelta(hours=1), priority=-5).enqueue(4)
    tasks.note_first.enqueue(5)
    assert [job.args[0] for job in enqueued_jobs()] == [1, 2, 3, 4, 5]
    assert [job.args[0] for job in enqueued_jobs(tasks.note)] == [1, 2, 4]
    run_jobs()
    assert [job.args[0] for job in enqueued_jobs()] == [4]


@pytest.mark.parametrize(
    "expected",
    [
        {},
        {"args": ("a",)},
        {"args": ["a"]},
        {"args": (ANY,)},
        {"kwargs": {"loud": (1, {2})}},
        {"queue": "loud"},
        {"args": ("a",), "kwargs": {"loud": (1, {2})}, "queue": "loud", "count": 1},
        {"args": ("b",), "count": 0},
    ],
)
def test_what_is_as_described_is_found(expected):
    job = tasks.note.using(queue="loud").enqueue("a", loud=(1, {2}))
    tasks.note_mail.enqueue("a")
    found = assert_enqueued(tasks.note, **expected)
    assert [f.task_id for f in found] == ([] if expected.get("count") == 0 else [job.task_id])


@pytest.mark.parametrize(
    ("expected", "wanted"),
    [
        ({"args": ("b",)}, "at least one waiting job of {} with args=('b',); found none."),
        ({"args": ("a", "b")}, "at least one waiting job of {} with args=('a', 'b'); found none."),
        ({"args": ([],)}, "at least one waiting job of {} with args=([],); found none."),
        ({"kwargs": {}}, "at least one waiting job of {} with kwargs={{}}; found none."),
        (
            {"kwargs": {"loud": None}},
            "at least one waiting job of {} with kwargs={{'loud': None}}; found none.",
        ),
        ({"queue": "default"}, "at least one waiting job of {} with queue='default'; found none."),
        ({"count": 2}, "2 waiting jobs of {}; found 1."),
        ({"count": 0}, "0 waiting jobs of {}; found 1."),
        ({"count": 1, "queue": "x"}, "1 waiting job of {} with queue='x'; found none."),
    ],
)
def test_what_is_not_says_what_waits(expected, wanted):
    run_after = datetime(2100, 1, 31, 12, tzinfo=UTC)
    tasks.note.using(queue="loud", priority=3, run_after=run_after).enqueue("a", loud=True)
    with pytest.raises(AssertionError) as caught:
        assert_enqueued(tasks.note, **expected)
    assert str(caught.value) == (
        f"Expected {wanted.format('tests.testing.tasks.note')}\n"
        "1 waits:\n"
        "  tests.testing.tasks.note('a', loud=True) on 'loud', priority 3, "
        "after 2100-01-31 12:00:00+00:00"
    )


def test_when_nothing_waits_the_message_says_so():
    tasks.note.enqueue("a")
    run_jobs()
    with pytest.raises(AssertionError, match=r"No job waits\. One that has run is not"):
        assert_enqueued(tasks.note)


def test_the_message_is_kept_short():
    tasks.note.enqueue_many([("x" * 1000,)] * 25)
    with pytest.raises(AssertionError) as caught:
        assert_enqueued(tasks.note, args=("y",))
    message = str(caught.value)
    assert "25 wait:" in message
    assert message.endswith("… and 5 more")
    assert len(message) < 8000


def test_model_instances_can_be_expected():
    group, other = Group.objects.create(name="a"), Group.objects.create(name="b")
    tasks.group_name.enqueue(group)
    assert_enqueued(tasks.group_name, args=(Group.objects.get(name="a"),))
    assert_enqueued(tasks.group_name, args=(other,), count=0)
    with pytest.raises(AssertionError, match="group_name"):
        assert_enqueued(tasks.group_name, args=[other])


def test_cleared_jobs_are_gone(monkeypatch):
    monkeypatch.setattr("flowrra_django.testing.asserting.BATCH", 2)
    tasks.note.enqueue_many([(number,) for number in range(5)])
    run_jobs(limit=3)
    waiting = tasks.note.using(run_after=timedelta(hours=1)).enqueue("later")
    ended = tasks.note_first.enqueue("now")
    run_jobs(limit=1)
    clear_jobs()
    assert enqueued_jobs() == []
    for job in (waiting, ended):
        with pytest.raises(JobNotFoundError):
            job.get()
    tasks.note.enqueue("new")
    assert len(run_jobs(scheduled=True)) == 1
