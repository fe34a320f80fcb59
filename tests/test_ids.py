"""The ids of jobs."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from flowrra_django.ids import new_task_id


def test_an_id_is_a_uuid_of_version_7_in_hex():
    before, made, after = time.time_ns(), new_task_id(), time.time_ns()

    known = uuid.UUID(made)
    assert known.hex == made
    assert (known.version, known.variant) == (7, uuid.RFC_4122)
    assert before // 1_000_000 <= int(made[:12], 16) <= after // 1_000_000


def test_a_later_id_is_greater_also_as_text():
    ids = []
    for _ in range(1_000):
        moment = time.time_ns()
        ids.append(new_task_id())
        while time.time_ns() - moment < 500:  # the time in an id is told to 0.25 µs
            pass

    assert ids == sorted(ids)


def test_no_two_ids_are_the_same_whichever_thread_makes_them():
    with ThreadPoolExecutor(4) as pool:
        ids = [job_id for made in pool.map(_make_many, range(4)) for job_id in made]

    assert len(set(ids)) == len(ids) == 40_000


def test_ids_of_the_same_moment_differ_in_their_random_half(monkeypatch):
    monkeypatch.setattr(time, "time_ns", lambda: 1_767_225_600_123_456_789)

    first, second = new_task_id(), new_task_id()

    assert first[:16] == second[:16] == "019b76daa87b774f"
    assert first != second


def _make_many(_):
    return [new_task_id() for _ in range(10_000)]
