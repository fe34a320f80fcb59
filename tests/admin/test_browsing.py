from __future__ import annotations

import random
from itertools import product

import pytest

from flowrra_django.backends.database import browsing
from flowrra_django.backends.database.browsing import Found, Wanted, newest, values
from flowrra_django.models import TaskRecord
from tests.admin.support import make_pending, make_record, make_running

NAMES = ("shop.a", "shop.b", "shop.c", "mail.a")
QUEUES = ("default", "mail")
STATUSES = ("pending", "running", "success", "failed")
WORKERS = ("w1", "w2")

pytestmark = pytest.mark.django_db


@pytest.fixture
def jobs() -> list[TaskRecord]:
    chance = random.Random(7)
    return [
        make_record(
            task_name=chance.choice(NAMES),
            queue=chance.choice(QUEUES),
            status=chance.choice(STATUSES),
            worker=chance.choice(WORKERS),
        )
        for _ in range(120)
    ]


def fits(job: TaskRecord, wanted: Wanted) -> bool:
    return (
        (wanted.names is None or job.task_name in wanted.names)
        and wanted.queue in {None, job.queue}
        and wanted.status in {None, job.status}
        and (wanted.worker is None or (job.worker, job.status) == (wanted.worker, "running"))
    )


@pytest.mark.parametrize("window", [3, 20, 40, 1000])
def test_any_combination_of_conditions_finds_the_newest_jobs_that_fit_all(
    jobs: list[TaskRecord], window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browsing, "WINDOW", window)
    names = (None, (), NAMES[:1], NAMES[:2], NAMES)
    for asked in product(names, (None, *QUEUES), (None, *STATUSES), (None, *WORKERS)):
        wanted = Wanted(**dict(zip(("names", "queue", "status", "worker"), asked, strict=True)))
        expected = [job.pk for job in reversed(jobs) if fits(job, wanted)]
        found = newest("default", wanted, 10)
        if found.is_windowed:
            assert found.ids == expected[: len(found.ids)]
            assert window < 1000
        else:
            assert found == Found(expected[:10], has_more=len(expected) > 10), wanted


def test_what_few_jobs_fit_is_looked_through_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browsing, "WINDOW", 5)
    old = make_record(task_name="shop.b", queue="mail", status="failed")
    for _ in range(20):
        make_record(task_name="shop.b", queue="mail")
    wanted = Wanted(names=("shop.a", "shop.b"), queue="mail", status="failed")
    assert newest("default", wanted, 10) == Found([old.pk], has_more=False)


def test_many_jobs_that_fit_two_conditions_are_found_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(browsing, "WINDOW", 5)
    old = [make_record(queue="mail") for _ in range(8)]
    for _ in range(20):
        make_pending(queue="mail")
    found = newest("default", Wanted(queue="mail", status="success"), 10)
    assert found == Found([job.pk for job in reversed(old)], has_more=False)


def test_beyond_the_window_it_says_that_older_jobs_were_not_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(browsing, "WINDOW", 5)
    for name in ("shop.a", "shop.b") * 10:
        make_record(task_name=name, queue="mail")
    wanted = Wanted(names=("shop.a", "shop.c"), queue="mail")
    found = newest("default", wanted, 10)
    assert found.is_windowed
    assert len(found.ids) == 3  # of the newest six


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("", ["a%", "a_b", "ab", "b", "ä"]),
        ("a", ["a%", "a_b", "ab"]),
        ("a_", ["a_b"]),
        ("a%", ["a%"]),
        ("A", []),
        ("ä", ["ä"]),
        ("zz", []),
    ],
)
def test_the_values_of_a_column_are_found_by_how_they_begin(
    prefix: str, expected: list[str]
) -> None:
    for name in ("ab", "b", "a_b", "a%", "ä", "b"):
        make_record(task_name=name)
    assert values("default", "task_name", prefix, 10) == expected
    assert values("default", "task_name", prefix, 2) == expected[:2]


def test_an_empty_table_has_no_values_and_no_jobs() -> None:
    assert values("default", "queue", "", 10) == []
    assert newest("default", Wanted(), 10) == Found([], has_more=False)


def test_deleting_spares_the_jobs_that_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browsing, "BATCH", 2)
    gone = [make_pending(), make_record(), make_record(status="failed")]
    kept = make_running()
    ids = [job.task_id for job in (*gone, kept)]
    assert browsing.delete("default", [*ids, "unknown"]) == {job.task_id for job in gone}
    assert list(TaskRecord.objects.all()) == [kept]
