"""How queues share the slots: `Turns` over a broker that has all there is to take."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from flowrra_django.engine.turns import Shares, Turns
from flowrra_django.job import Job, Kind, Lane

LANES = [Lane(name, Kind.IO) for name in ("a", "b", "c")]
WEIGHTS = {"a": 5, "b": 2, "c": 1}


def job_of(lane: Lane) -> Job:
    return Job(task_id="", task_name="", kind=lane.kind, args="", kwargs="", queue=lane.queue)


def take(turns: Turns, limit: int, lanes: list[Lane] = LANES) -> list[str]:
    """Take as a broker does in which the lanes have jobs without end; return the queues."""
    given, taken = turns.of(LANES), Counter[Lane]()
    for _ in range(limit):
        taken[min(lanes, key=lambda lane: given[lane].start + taken[lane] * given[lane].step)] += 1
    jobs = [job_of(lane) for lane in taken.elements()]
    turns.note(jobs)
    return [job.queue for job in jobs]


@pytest.mark.parametrize("sizes", [(1,), (3,), (100,), (1, 7, 40)])
def test_each_queue_has_its_share_however_many_are_taken_at_a_time(sizes):
    turns, chance = Turns(Shares(weights=WEIGHTS)), random.Random(5)
    taken = Counter[str]()
    while taken.total() < 4000:
        taken.update(take(turns, chance.choice(sizes)))
    for queue, weight in WEIGHTS.items():
        assert taken[queue] / taken.total() == pytest.approx(weight / 8, abs=0.02)


def test_a_heavy_queue_does_not_make_a_light_one_wait_for_more_than_its_turn():
    turns = Turns(Shares(weights=WEIGHTS))
    taken = "".join(queue for _ in range(80) for queue in take(turns, 1))
    assert max(map(len, taken.split("c"))) <= 8


def test_a_queue_that_had_nothing_saves_no_turns_up():
    turns = Turns(Shares(weights={"a": 1, "b": 1, "c": 1}))
    for _ in range(50):
        take(turns, 2, LANES[:2])
    late = [take(turns, 1)[0] for _ in range(12)]
    assert Counter(late) == {"a": 4, "b": 4, "c": 4}


def test_a_queue_that_was_alone_owes_nothing_for_it():
    turns = Turns(Shares(weights={"a": 1, "b": 1, "c": 1}))
    for _ in range(50):
        take(turns, 4, LANES[:1])
    both = [take(turns, 1, LANES[:2])[0] for _ in range(10)]
    assert abs(both.count("a") - both.count("b")) <= 1


def test_a_strict_order_is_the_same_every_time():
    turns = Turns(Shares(queues=("b", "c", "a"), is_strict=True))
    for _ in range(3):
        given = turns.of(LANES)
        assert sorted(LANES, key=lambda lane: given[lane].start) == [LANES[1], LANES[2], LANES[0]]
        turns.note([job_of(LANES[1])] * 5)


def test_with_nothing_said_of_them_all_queues_are_one():
    assert Turns(Shares()).of(LANES) == {}
