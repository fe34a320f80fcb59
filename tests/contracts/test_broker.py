"""Every index, over its ledger: what waits, in which order, and the wake-up. `BaseBroker`."""

from datetime import timedelta
from itertools import count

import pytest

from flowrra_django.backends.answers import Entry
from flowrra_django.backends.base import MOST_FRONTS
from flowrra_django.brokers.base import Turn
from flowrra_django.job import Kind, Lane
from flowrra_django.results import TaskStatus
from flowrra_django.retry import Release
from tests.contracts.acts import (
    IO,
    elsewhere,
    enqueue,
    new_job,
    record,
    status_of,
    to_retry,
)

MAIL = Lane("mail", Kind.IO)
CPU = Lane("default", Kind.CPU)
SOON = timedelta(seconds=60)

pytestmark = pytest.mark.usefixtures("worker")


def take(broker, *lanes, limit=10, worker="w"):
    """Take up to `limit` jobs; return their ids."""
    return [job.task_id for job in broker.take(worker, lanes or (IO,), limit).jobs]


# push and take


def test_what_is_pushed_can_be_taken_once(stores, broker):
    task_id = enqueue(stores, 1)
    (job,) = broker.take("w", [IO], 10).jobs
    assert (job.task_id, job.claim, job.attempts) == (task_id, 1, 1)
    assert status_of(stores.backend, task_id) is TaskStatus.RUNNING
    assert take(broker) == []


def test_an_entry_pushed_twice_counts_once(stores, broker):
    entries = stores.backend.record([new_job(stores.backend)])
    broker.push(entries)
    broker.push([*entries, *entries])
    assert broker.depth([IO], 10) == 1
    assert len(take(broker)) == 1
    assert take(broker) == []
    assert broker.depth([IO], 10) == 0


def test_only_the_lanes_that_were_asked_for_are_taken_from(stores, broker):
    io = enqueue(stores)
    mail = enqueue(stores, queue="mail")
    cpu = enqueue(stores, kind=Kind.CPU)
    assert take(broker, CPU) == [cpu]
    assert take(broker, Lane("void", Kind.IO)) == []
    assert take(broker, MAIL, IO, Lane("void", Kind.IO)) == [io, mail]


def test_nothing_is_taken_where_nothing_waits(broker):
    assert broker.take("w", [IO], 10) == ([], None)


def test_nothing_is_taken_from_no_lanes(stores, broker):
    enqueue(stores)
    assert broker.take("w", [], 10).jobs == []
    assert broker.depth([], 10) == 0


def test_no_more_are_taken_than_asked_for(stores, broker):
    task_ids = [enqueue(stores) for _ in range(5)]
    assert take(broker, limit=2) == task_ids[:2]
    assert take(broker, limit=2) == task_ids[2:4]
    assert take(broker, limit=2) == task_ids[4:]


# Order


def test_lower_numbers_come_first_and_equals_in_the_order_of_arrival(stores, broker):
    priorities = [5, 0, -7, 0, 5, -7, 0]
    jobs = [(priority, enqueue(stores, priority=priority)) for priority in priorities]
    assert take(broker) == [task_id for _, task_id in sorted(jobs, key=lambda job: job[0])]


def test_the_order_goes_across_lanes(stores, broker):
    lanes = [IO, MAIL, CPU]
    arrivals = [(priority, lanes[n % 3]) for n, priority in enumerate([3, 1, 2, 1, 3, 3, 2, 1, 0])]
    jobs = [
        (priority, enqueue(stores, priority=priority, queue=lane.queue, kind=lane.kind))
        for priority, lane in arrivals
    ]
    expected = [task_id for _, task_id in sorted(jobs, key=lambda job: job[0])]
    taken = [task_id for _ in range(5) for task_id in take(broker, *lanes, limit=2)]
    assert taken == expected


def test_one_lane_does_not_hide_another(stores, broker):
    for _ in range(5):
        enqueue(stores, priority=1)
    urgent = enqueue(stores, queue="mail", priority=0)
    assert take(broker, IO, MAIL, limit=1) == [urgent]


def test_a_retried_job_takes_its_place_by_arrival_again(stores, broker):
    first, second = enqueue(stores), enqueue(stores)
    (job,) = broker.take("w", [IO], 1).jobs
    stores.settle("w", [to_retry(job)])
    assert take(broker) == [first, second]


def test_six_hundred_lanes_are_served_at_once(stores, broker):
    lanes = [Lane(f"tenant-{n}", Kind.IO) for n in range(600)]
    task_ids = [enqueue(stores, queue=lane.queue, priority=-n) for n, lane in enumerate(lanes)]
    assert broker.depth(lanes, 10_000) == 600
    assert stores.backend.has_work(lanes)
    assert len(stores.backend.waiting(lanes, 10_000)) == 600
    assert take(broker, *lanes, limit=3) == task_ids[:-4:-1]
    assert len(take(broker, *lanes, limit=1000)) == 597


# Turns


def lanes_with_jobs(stores, count=6, names=("a", "b", "c")):
    """Enqueue as many jobs for each of some queues, the last one's first; return their lanes."""
    lanes = [Lane(name, Kind.IO) for name in names]
    for number in range(count):
        for lane in reversed(lanes):
            enqueue(stores, number, queue=lane.queue)
    return lanes


def queues_of(broker, lanes, limit, turns):
    return "".join(sorted(job.queue for job in broker.take("w", lanes, limit, turns).jobs))


def test_in_strict_order_nothing_of_a_lane_is_taken_while_one_before_it_has_some(stores, broker):
    lanes = lanes_with_jobs(stores, 3)
    turns = {lane: Turn(start=rank) for rank, lane in enumerate(lanes)}
    taken = [queues_of(broker, lanes, limit, turns) for limit in (1, 4, 2, 5)]
    assert taken == ["a", "aabb", "bc", "cc"]


def test_within_a_lane_that_has_its_turn_priority_and_arrival_decide(stores, broker):
    a, b = Lane("a", Kind.IO), Lane("b", Kind.IO)
    late, soon = enqueue(stores, queue="a", priority=5), enqueue(stores, queue="a", priority=-5)
    enqueue(stores, queue="b", priority=-100)
    turns = {a: Turn(0.0), b: Turn(1.0)}
    one = [broker.take("w", [a, b], 1, turns).jobs[0].task_id for _ in range(2)]
    assert one == [soon, late]


def test_by_steps_each_lane_has_its_share_of_one_take(stores, broker):
    lanes = lanes_with_jobs(stores)
    turns = {lane: Turn(0.0, 1 / weight) for lane, weight in zip(lanes, (4, 2, 1), strict=True)}
    assert queues_of(broker, lanes, 7, turns) == "aaaabbc"
    assert queues_of(broker, lanes, 11, turns) == "aabbbbccccc"  # what one has not others get


def test_who_starts_later_has_to_wait_for_so_many(stores, broker):
    lanes = lanes_with_jobs(stores, names=("a", "b"))
    turns = dict(zip(lanes, (Turn(2.5, 1.0), Turn(0.0, 1.0)), strict=True))
    assert queues_of(broker, lanes, 4, turns) == "abbb"


def test_delayed_jobs_have_their_turn_once_they_are_due(stores, broker, clock):
    lanes = [Lane("a", Kind.IO), Lane("b", Kind.IO)]
    turns = {lane: Turn(start=rank) for rank, lane in enumerate(lanes)}
    enqueue(stores, queue="a", run_after=SOON)
    enqueue(stores, queue="b")
    enqueue(stores, queue="b")
    assert queues_of(broker, lanes, 1, turns) == "b"
    clock.advance(61)
    assert queues_of(broker, lanes, 1, turns) == "a"


# What has waited longest


def test_the_fronts_are_the_first_jobs_of_each_priority_of_each_lane(stores, broker):
    expected = set()
    for queue, priority in (("default", 3), ("default", -3), ("mail", 0), ("other", 0)):
        task_ids = [enqueue(stores, queue=queue, priority=priority) for _ in range(3)]
        expected |= {task_ids[0]} if queue != "other" else set()
    enqueue(stores, queue="mail", kind=Kind.CPU)
    enqueue(stores, queue="mail", priority=9, run_after=SOON)
    fronts = broker.fronts([IO, MAIL, Lane("void", Kind.IO)])
    assert sorted(fronts) == sorted(expected)
    assert broker.fronts([]) == []


def test_of_very_many_priorities_the_least_urgent_have_fronts(stores, broker):
    task_ids = [enqueue(stores, priority=priority) for priority in range(MOST_FRONTS + 5)]
    assert sorted(broker.fronts([IO])) == sorted(task_ids[5:])


def test_what_was_retried_or_has_come_due_is_at_the_front_of_its_priority(stores, broker, clock):
    due = enqueue(stores, run_after=SOON)
    for _ in range(2):
        enqueue(stores)
    clock.advance(61)
    take(broker, Lane("void", Kind.IO))
    (job,) = broker.take("w", [IO], 1).jobs
    assert job.task_id == due
    stores.settle("w", [to_retry(job)])
    assert due in [*broker.fronts([IO]), *take(broker, limit=1)]


def test_the_oldest_are_taken_whatever_their_priority_and_nothing_that_is_younger(
    stores, broker, clock
):
    last = enqueue(stores, priority=9)
    later = enqueue(stores, priority=8, queue="mail", run_after=SOON)
    clock.advance(100)
    young = enqueue(stores, priority=7)
    assert [j.task_id for j in stores.take_old("w", [IO, MAIL], 5, 50)] == [last]
    assert stores.take_old("w", [IO, MAIL], 5, 50) == []
    take(broker, Lane("mail", Kind.CPU))
    clock.advance(40)
    assert stores.backend.overdue([later, young, last, "nobody"], 50) == [later]
    assert broker.depth([IO], 10) == 1
    assert sorted(take(broker, IO, MAIL)) == sorted([young, later])


# Delays


def test_a_delayed_job_is_not_handed_out_before_it_is_due(stores, broker, clock):
    task_id = enqueue(stores, run_after=SOON)
    jobs, next_due = broker.take("w", [IO], 10)
    assert jobs == []
    assert next_due == pytest.approx(60, abs=1)
    clock.advance(61)
    assert take(broker) == [task_id]
    assert broker.take("w", [IO], 10) == ([], None)


def test_what_has_come_due_keeps_the_order_of_all(stores, broker, clock):
    late = enqueue(stores, priority=1, run_after=SOON)
    first = enqueue(stores, run_after=2 * SOON)
    second = enqueue(stores)
    urgent = enqueue(stores, priority=-1, run_after=SOON)
    clock.advance(200)
    assert take(broker) == [urgent, first, second, late]


def test_the_next_due_is_the_earliest_of_all_lanes_asked_for(stores, broker):
    enqueue(stores, run_after=3 * SOON)
    enqueue(stores, queue="mail", run_after=2 * SOON)
    enqueue(stores, kind=Kind.CPU, run_after=SOON)
    assert broker.take("w", [IO, MAIL], 10).next_due == pytest.approx(120, abs=1)
    assert broker.take("w", [IO], 10).next_due == pytest.approx(180, abs=1)


def test_the_next_due_is_known_once_all_that_is_due_is_taken(stores, broker, clock):
    for minutes in (1, 1, 2):
        enqueue(stores, run_after=minutes * SOON)
    clock.advance(61)
    assert len(take(broker)) == 2
    assert broker.take("w", [IO], 10).next_due == pytest.approx(59, abs=1)


def test_there_is_no_next_due_while_there_is_more_to_take(stores, broker):
    enqueue(stores, run_after=SOON)
    enqueue(stores)
    enqueue(stores)
    assert broker.take("w", [IO], 1).next_due is None


def test_a_job_that_is_to_be_retried_later_is_handed_out_then(stores, broker, clock):
    task_id = enqueue(stores)
    (job,) = broker.take("w", [IO], 1).jobs
    stores.settle("w", [to_retry(job, 60)])
    assert broker.take("w", [IO], 1) == ([], pytest.approx(60, abs=1))
    clock.advance(61)
    assert take(broker) == [task_id]


# depth


def test_the_depth_counts_what_waits_and_what_is_delayed(stores, broker):
    for options in ({}, {"run_after": SOON}, {"queue": "mail"}, {"kind": Kind.CPU}):
        enqueue(stores, **options)
    assert broker.depth([IO], 10) == 2
    assert broker.depth([IO, MAIL, CPU], 10) == 4
    assert broker.depth([Lane("void", Kind.IO)], 10) == 0


def test_the_depth_is_counted_up_to_its_limit(stores, broker):
    for _ in range(5):
        enqueue(stores)
    assert [broker.depth([IO], limit) for limit in (1, 3, 5, 7)] == [1, 3, 5, 5]


def test_the_depths_of_queues_are_told_apart_and_counted_up_to_the_limit(stores, broker):
    for options in ({}, {}, {"run_after": SOON}, {"kind": Kind.CPU}, {"queue": "mail"}):
        enqueue(stores, **options)
    asked = ("default", "mail", "void")
    assert broker.depths(asked, 10) == {"default": 4, "mail": 1, "void": 0}
    assert broker.depths(asked, 3) == {"default": 3, "mail": 1, "void": 0}
    assert broker.depths([], 10) == {}


def test_what_is_taken_does_not_wait(stores, broker):
    enqueue(stores)
    enqueue(stores)
    take(broker, limit=1)
    assert broker.depth([IO], 10) == 1


# Forgetting, and entries that are not what they seem


def test_a_forgotten_job_does_not_wait(stores, broker):
    gone, kept = enqueue(stores), enqueue(stores)
    stores.backend.cancel([gone])
    broker.forget([gone, "nobody"])
    assert broker.depth([IO], 10) == 1
    assert take(broker) == [kept]


def test_a_forgotten_delay_is_no_next_due(stores, broker):
    task_id = enqueue(stores, run_after=SOON)
    stores.backend.cancel([task_id])
    broker.forget([task_id])
    assert broker.take("w", [IO], 10) == ([], None)
    assert broker.depth([IO], 10) == 0


def test_a_job_that_was_forgotten_and_comes_back_is_handed_out_once(stores, broker, clock):
    task_id = enqueue(stores, run_after=SOON)
    stores.backend.cancel([task_id])
    broker.forget([task_id])
    broker.push(stores.backend.retry([task_id]))
    assert broker.depth([IO], 10) == 1
    assert broker.take("w", [IO], 10).next_due is None
    clock.advance(61)
    assert broker.take("w", [IO], 10) == ([], None)
    assert broker.depth([IO], 10) == 0


def test_a_job_that_was_forgotten_goes_by_its_new_time_alone(stores, broker, clock):
    task_id, other = enqueue(stores, run_after=SOON), enqueue(stores)
    stores.cancel([task_id])
    stores.retry([task_id])
    (job,) = broker.take("w", [IO], 1).jobs
    stores.settle("w", [to_retry(job, 600)])
    assert take(broker) == [other]
    assert broker.take("w", [IO], 1) == ([], pytest.approx(600, abs=1))
    clock.advance(61)
    assert broker.take("w", [IO], 1) == ([], pytest.approx(539, abs=1))


def test_an_id_that_the_ledger_refuses_is_dropped_and_hides_nothing(stores, broker):
    gone, kept = enqueue(stores), enqueue(stores)
    stores.backend.cancel([gone])
    assert take(broker, limit=1) + take(broker, limit=1) == [kept]
    assert broker.depth([IO], 10) == 0


def test_a_job_refused_to_a_worker_that_is_gone_waits_for_another(stores, broker):
    task_id = enqueue(stores)
    assert take(broker, worker="nobody") == []
    assert broker.depth([IO], 10) == 1
    assert take(broker) == [task_id]


def test_a_refusal_wakes_nobody_for_it_would_only_be_refused_again(stores, broker):
    enqueue(stores)
    rings = []
    broker.subscribe(lambda: rings.append(1))
    take(broker, worker="nobody")
    assert rings == []


def test_an_entry_that_claims_to_be_due_too_early_waits_for_its_time(stores, broker, clock):
    job = new_job(stores.backend, run_after=SOON)
    stores.backend.record([job])
    broker.push([Entry(job.task_id, IO, 0, 1)])
    assert broker.take("w", [IO], 10) == ([], pytest.approx(60, abs=1))
    clock.advance(61)
    assert take(broker) == [job.task_id]


def test_an_entry_of_an_unknown_job_hides_nothing(stores, broker):
    broker.push([Entry("nobody", IO, -5, 1)])
    task_id = enqueue(stores)
    assert take(broker, limit=1) + take(broker, limit=1) == [task_id]


def test_a_job_that_changed_its_kind_is_on_its_new_lane_alone(stores, broker):
    task_id = enqueue(stores)
    (job,) = broker.take("w", [IO], 1).jobs
    stores.release("w", [Release(job=job, kind=Kind.CPU)])
    assert broker.depth([IO], 10) == 0
    assert take(broker, IO) == []
    assert take(broker, CPU) == [task_id]


# Waking up


def test_subscribers_are_rung_for_what_is_pushed_until_they_leave(stores, broker):
    rings = count()
    leave = broker.subscribe(lambda: next(rings))
    assert broker.has_subscribers
    broker.push([])
    assert next(rings) == 0
    enqueue(stores)
    assert next(rings) == 2
    leave()
    assert not broker.has_subscribers
    enqueue(stores)
    assert next(rings) == 3


def test_each_subscriber_is_rung(stores, broker):
    rung = []
    broker.subscribe(lambda: rung.append("first"))
    leave = broker.subscribe(lambda: rung.append("second"))
    broker.ring()
    leave()
    broker.ring()
    assert rung == ["first", "second", "first"]


def test_who_asks_for_one_kind_of_code_is_rung_for_that_alone(stores, broker):
    rung = []
    for kind in Kind:
        broker.subscribe(lambda kind=kind: rung.append(kind), kind)
    enqueue(stores)
    assert rung == [Kind.IO]
    broker.ring()
    assert rung == [Kind.IO, *Kind]


def test_what_another_connection_brings_is_noticed(stores, broker):
    broker.changed()
    elsewhere(stores, lambda: record(stores.backend))
    assert broker.changed() is (broker.poll_seconds is not None)
