"""Every ledger with its index: a job's way through `Stores`, waiters, and many threads at once."""

import asyncio
import threading
from collections import Counter
from datetime import timedelta
from functools import partial

import pytest

from flowrra_django.engine.outbox import Outbox, Parcel
from flowrra_django.engine.stores import Stores
from flowrra_django.exceptions import JobNotFoundError, TaskTimeoutError
from flowrra_django.job import Kind
from flowrra_django.results import TaskStatus
from flowrra_django.retry import Release
from tests.contracts.acts import (
    IO,
    at_once,
    beat_of,
    crash,
    elsewhere,
    enlist,
    enqueue,
    failure,
    give_back,
    new_job,
    result_of,
    status_of,
    success,
    to_retry,
)
from tests.support import until

PATIENCE = 2.0
"""How long a waiter that should be woken is given, in seconds."""

pytestmark = pytest.mark.usefixtures("worker")


def take(stores, limit=10, worker="w"):
    return stores.take(worker, [IO], limit).jobs


def take_one(stores):
    (job,) = take(stores, 1)
    return job


# Now


def test_what_is_to_run_now_goes_before_all_that_waits(stores):
    first, urgent = enqueue(stores), enqueue(stores, priority=-(2**31 - 1))
    late = enqueue(stores, run_after=timedelta(hours=1))
    last = enqueue(stores, priority=9)
    assert stores.run_now([late, last, "nobody"]) == {late, last}
    assert [job.task_id for job in take(stores)] == [late, last, urgent, first]
    assert stores.take("w", [IO], 10) == ([], None)


def test_what_waits_for_another_try_is_tried_now_and_wakes_who_takes(stores):
    task_id = enqueue(stores)
    stores.settle("w", [to_retry(take_one(stores), 3600)])
    assert take(stores) == []
    rung = []
    stores.broker.subscribe(lambda: rung.append(1))
    assert stores.run_now([task_id]) == {task_id}
    assert rung
    job = take_one(stores)
    assert (job.task_id, job.failures) == (task_id, 1)
    assert stores.run_now([task_id]) == set()


# A job's way


def test_a_job_goes_in_and_comes_out(stores):
    task_id = enqueue(stores, 20, 22)
    job = take_one(stores)
    args = stores.backend.codec.decode(job.args)
    assert stores.settle("w", [success(job, stores.backend.codec.encode(sum(args)))]).accepted == {
        task_id
    }
    result = stores.result(task_id)
    assert (result.status, result.result) == (TaskStatus.SUCCESS, 42)
    assert take(stores) == []


def test_a_failed_job_comes_back_until_it_has_no_tries_left(stores):
    task_id = enqueue(stores)
    for _ in range(2):
        stores.settle("w", [to_retry(take_one(stores))])
    stores.settle("w", [failure(take_one(stores))])
    result = stores.result(task_id)
    assert (result.status, result.attempts, result.failures) == (TaskStatus.FAILED, 3, 3)
    assert take(stores) == []


def test_a_released_job_comes_back(stores):
    task_id = enqueue(stores)
    assert stores.release("w", [give_back(take_one(stores))]).accepted == {task_id}
    assert take_one(stores).attempts == 1


def test_a_job_released_for_later_comes_back_later(stores, clock):
    enqueue(stores)
    stores.release("w", [Release(job=take_one(stores), delay=60)])
    assert take(stores) == []
    clock.advance(61)
    assert take_one(stores).attempts == 1


def test_the_jobs_of_a_worker_that_is_gone_come_back_to_another(stores):
    task_ids = {enqueue(stores) for _ in range(3)}
    take(stores)
    enlist(stores.backend, "other")
    assert len(stores.rescue("w", beat_of(stores.backend, "w").at).waiting) == 3
    assert {job.task_id for job in take(stores, worker="other")} == task_ids


def test_a_rescue_counts_only_what_waits_again(stores):
    again, once, unwanted = enqueue(stores), enqueue(stores, max_crashes=0), enqueue(stores)
    take(stores)
    stores.cancel([unwanted])
    assert len(stores.rescue("w", beat_of(stores.backend, "w").at).waiting) == 1
    statuses = [status_of(stores.backend, task_id).value for task_id in (again, once, unwanted)]
    assert statuses == ["retrying", "failed", "cancelled"]
    assert stores.broker.depth([IO], 10) == 1


def test_a_final_job_can_be_tried_again(stores):
    task_id = enqueue(stores)
    stores.settle("w", [failure(take_one(stores))])
    assert stores.retry([task_id, "nobody"]) == {task_id}
    assert take_one(stores).attempts == 1


def test_a_cancelled_job_is_not_handed_out(stores):
    task_id = enqueue(stores)
    assert stores.cancel([task_id, "nobody"]) == {task_id}
    assert stores.broker.depth([IO], 10) == 0
    assert take(stores) == []


def test_a_running_job_that_was_cancelled_does_not_come_back(stores):
    task_id = enqueue(stores)
    job = take_one(stores)
    assert stores.cancel([task_id]) == {task_id}
    assert stores.settle("w", [to_retry(job)]).accepted == {task_id}
    assert status_of(stores.backend, task_id) is TaskStatus.CANCELLED
    assert stores.broker.depth([IO], 10) == 0


def test_a_job_that_was_cancelled_and_retried_is_handed_out_once(stores):
    task_id = enqueue(stores)
    stores.cancel([task_id])
    stores.retry([task_id])
    assert [job.task_id for job in take(stores)] == [task_id]


def test_a_late_worker_is_told_that_its_write_did_not_count(stores):
    enqueue(stores)
    job = take_one(stores)
    stores.rescue("w", beat_of(stores.backend, "w").at)
    assert stores.settle("w", [success(job)]).accepted == set()
    assert stores.release("w", [give_back(job)]).accepted == set()


def to_retry_later(job):
    return Stores.settle, to_retry(job, 60)


def give_back_for_later(job):
    return Stores.release, Release(job=job, delay=60)


WRITES_FOR_LATER = pytest.mark.parametrize("write_for", [to_retry_later, give_back_for_later])


@WRITES_FOR_LATER
def test_a_write_that_is_sent_again_makes_no_job_later(stores, clock, write_for):
    task_id = enqueue(stores)
    act, written = write_for(take_one(stores))
    act(stores, "w", [written])
    clock.advance(40)
    act(stores, "w", [written])  # since its reply was lost
    jobs, next_due = stores.take("w", [IO], 10)
    assert (jobs, next_due) == ([], pytest.approx(20, abs=5))
    clock.advance(25)
    assert [job.task_id for job in take(stores)] == [task_id]


@WRITES_FOR_LATER
def test_a_write_that_is_sent_again_holds_up_no_job_that_was_retried_by_hand(stores, write_for):
    task_id = enqueue(stores)
    act, written = write_for(take_one(stores))
    act(stores, "w", [written])
    stores.cancel([task_id])
    stores.retry([task_id])
    act(stores, "w", [written])
    assert [job.task_id for job in take(stores)] == [task_id]


def test_a_job_that_has_moved_to_another_lane_is_in_that_one_only(stores):
    task_id = enqueue(stores)
    moved = Release(job=take_one(stores), kind=Kind.CPU)
    for _ in range(2):
        stores.release("w", [moved])
        assert stores.broker.depth([IO], 10) == 0
    cpu = IO._replace(kind=Kind.CPU)
    assert [job.task_id for job in stores.take("w", [cpu], 10).jobs] == [task_id]


def test_the_result_of_an_unknown_job_is_an_error(stores):
    with pytest.raises(JobNotFoundError, match="'nobody'"):
        stores.result("nobody")


# Who waits is woken

ENDINGS = {
    "it succeeds": lambda stores, job: stores.settle("w", [success(job)]),
    "it fails": lambda stores, job: stores.settle("w", [failure(job)]),
    "its worker goes away for good": lambda stores, job: stores.rescue(
        "w", beat_of(stores.backend, "w").at
    ),
}
CANCELLED_ENDINGS = {
    "it would be retried": lambda stores, job: stores.settle("w", [to_retry(job)]),
    "it crashes": lambda stores, job: stores.settle("w", [crash(job)]),
    "it is given back": lambda stores, job: stores.release("w", [give_back(job)]),
    "its worker goes away": lambda stores, job: stores.rescue("w", beat_of(stores.backend, "w").at),
}


def wait_on_thread(stores, task_id, act):
    """Wait for a job on this thread while another acts as soon as somebody waits."""

    def act_when_awaited():
        until(lambda: task_id in stores.waiters._waiting)
        act()

    thread = threading.Thread(target=partial(elsewhere, stores, act_when_awaited))
    thread.start()
    try:
        return stores.wait_blocking(task_id, PATIENCE)
    finally:
        thread.join()


@pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS)
def test_who_blocks_until_a_job_ends_is_woken_when(stores, end):
    task_id = enqueue(stores, max_crashes=0)
    job = take_one(stores)
    assert wait_on_thread(stores, task_id, lambda: end(stores, job)).is_complete


@pytest.mark.parametrize("end", CANCELLED_ENDINGS.values(), ids=CANCELLED_ENDINGS)
def test_who_waits_for_a_job_to_be_cancelled_is_woken_when(stores, end):
    task_id = enqueue(stores)
    job = take_one(stores)
    stores.cancel([task_id])
    result = wait_on_thread(stores, task_id, lambda: end(stores, job))
    assert result.status is TaskStatus.CANCELLED


def test_who_blocks_is_woken_by_the_cancelling_of_a_job_that_waits(stores):
    task_id = enqueue(stores)
    result = wait_on_thread(stores, task_id, lambda: stores.cancel([task_id]))
    assert result.status is TaskStatus.CANCELLED


def test_who_blocks_for_a_final_job_has_it_at_once(stores):
    task_id = enqueue(stores)
    stores.settle("w", [success(take_one(stores))])
    assert stores.wait_blocking(task_id, 0).is_success


def test_who_blocks_too_long_is_told(stores):
    task_id = enqueue(stores)
    with pytest.raises(TaskTimeoutError, match=task_id):
        stores.wait_blocking(task_id, 0.05)
    assert stores.waiters._waiting == {}


def test_nobody_blocks_for_an_unknown_job(stores):
    with pytest.raises(JobNotFoundError):
        stores.wait_blocking("nobody", PATIENCE)


@pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS)
async def test_who_awaits_the_end_of_a_job_is_woken_when(stores, end):
    task_id = await stores.run(partial(enqueue, stores, max_crashes=0))
    job = await stores.run(take_one, stores)
    waits = [asyncio.create_task(stores.wait(task_id, PATIENCE)) for _ in range(3)]
    await asyncio.sleep(0.02)
    await stores.run(end, stores, job)
    assert all(result.is_complete for result in await asyncio.gather(*waits))


async def test_who_awaits_goes_on_to_wait_through_a_retry(stores):
    task_id = await stores.run(enqueue, stores)
    wait = asyncio.create_task(stores.wait(task_id, PATIENCE))
    for make in (to_retry, crash, success):
        job = await stores.run(take_one, stores)
        await stores.run(stores.settle, "w", [make(job)])
        await asyncio.sleep(0.02)
    result = await wait
    assert (result.status, result.failures, result.crashes) == (TaskStatus.SUCCESS, 1, 1)


async def test_who_awaits_too_long_is_told_and_can_wait_again(stores):
    task_id = await stores.run(enqueue, stores)
    with pytest.raises(TaskTimeoutError):
        await stores.wait(task_id, 0.05)
    job = await stores.run(take_one, stores)
    await stores.run(stores.settle, "w", [success(job)])
    assert (await stores.wait(task_id, PATIENCE)).is_success


async def test_nobody_awaits_an_unknown_job(stores):
    with pytest.raises(JobNotFoundError):
        await stores.wait("nobody", PATIENCE)


async def test_an_end_that_another_process_wrote_is_noticed(pair, stores, clock):
    if not stores.backend.is_shared:
        pytest.skip("No other process can write to this ledger.")
    task_id = await stores.run(enqueue, stores)
    neighbour: Stores = pair.open(clock)
    wait = asyncio.create_task(stores.wait(task_id, PATIENCE))
    job = await neighbour.run(take_one, neighbour)
    await neighbour.run(neighbour.settle, "w", [success(job)])
    assert (await wait).is_success
    await asyncio.to_thread(neighbour.stop)


async def test_a_job_that_another_process_brings_rings_the_bell(pair, stores, clock):
    if not stores.backend.is_shared:
        pytest.skip("No other process can write to this ledger.")
    rung = threading.Event()
    stores.broker.subscribe(rung.set, IO.kind)
    stores.place.nudge()
    await asyncio.to_thread(until, rung.is_set)  # the first look always finds something new
    rung.clear()
    neighbour = pair.open(clock)
    await neighbour.run(enqueue, neighbour)
    await asyncio.to_thread(neighbour.stop)
    await asyncio.to_thread(until, rung.is_set)


# An outcome that the ledger cannot keep


async def test_a_refused_outcome_fails_its_job_alone_and_leaves_its_past(stores):
    odd_id, good_id = await stores.run(lambda: (enqueue(stores), enqueue(stores)))
    for job in await stores.run(take, stores):
        await stores.run(stores.settle, "w", [to_retry(job)])
    odd, good = await stores.run(take, stores)
    written = asyncio.Queue()
    outbox = Outbox(stores, lambda parcel, is_accepted: written.put_nowait(is_accepted))
    outbox.put(Parcel("w", success(odd, "lone \ud800 surrogate"), 0.1))
    outbox.put(Parcel("w", success(good), 0.1))
    outbox.start()
    assert [await written.get(), await written.get()] == [True, True]
    await outbox.stop()
    assert (await stores.run(stores.result, good_id)).is_success
    result = await stores.run(stores.result, odd_id)
    if result.is_success:
        return  # this ledger keeps any value
    assert result.error_type == "flowrra_django.exceptions.OutcomeRefusedError"
    assert (result.status, result.failures, result.retries) == (TaskStatus.FAILED, 2, 1)
    await stores.run(stores.retry, [odd_id])
    assert (await stores.run(take_one, stores)).history.count('"attempt":') == 2


# Many threads at once


def test_no_job_is_claimed_by_two_threads(stores):
    task_ids = {enqueue(stores) for _ in range(120)}
    workers = ["a", "b", "c", "d"]
    enlist(stores.backend, *workers)

    def work(worker_id):
        taken = []
        while jobs := take(stores, 5, worker_id):
            taken += [job.task_id for job in jobs]
            written = stores.settle(worker_id, [success(job) for job in jobs])
            assert written.accepted == set(taken[-len(jobs) :])
        return taken

    taken = at_once(stores, [partial(work, worker_id) for worker_id in workers])
    assert Counter(task_id for each in taken for task_id in each) == Counter(task_ids)
    results = stores.backend.results(task_ids).values()
    assert {(result.status, result.attempts) for result in results} == {(TaskStatus.SUCCESS, 1)}


def test_jobs_that_come_while_others_are_taken_are_all_done_once(stores):
    workers = ["a", "b"]
    enlist(stores.backend, *workers)
    is_over = threading.Event()

    def bring():
        task_ids = []
        for _ in range(20):
            jobs = [new_job(stores.backend) for _ in range(3)]
            stores.broker.push(stores.backend.record(jobs))
            task_ids += [job.task_id for job in jobs]
        is_over.set()
        return task_ids

    def work(worker_id):
        taken = []
        while True:
            was_over = is_over.is_set()
            jobs = take(stores, 4, worker_id)
            if not jobs and was_over:
                return taken
            stores.settle(worker_id, [success(job) for job in jobs])
            taken += [job.task_id for job in jobs]

    brought, *taken = at_once(stores, [bring, *(partial(work, w) for w in workers)])
    assert Counter(task_id for each in taken for task_id in each) == Counter(brought)


def test_a_worker_is_rescued_by_one_of_many_that_try(stores):
    task_ids = [enqueue(stores) for _ in range(10)]
    take(stores)
    seen = beat_of(stores.backend, "w").at
    freed = at_once(stores, [partial(stores.rescue, "w", seen)] * 4)
    assert sorted(len(each.waiting) for each in freed) == [0, 0, 0, 10]
    assert {result_of(stores.backend, task_id).crashes for task_id in task_ids} == {1}


def test_a_settlement_and_a_rescue_at_once_leave_one_of_the_two(stores):
    for _ in range(10):
        enlist(stores.backend, "w")
        task_id = enqueue(stores)
        job = take_one(stores)
        settle = partial(stores.settle, "w", [success(job)])
        written, freed = at_once(
            stores, [settle, partial(stores.rescue, "w", beat_of(stores.backend, "w").at)]
        )
        result = result_of(stores.backend, task_id)
        was_settled = result.status is TaskStatus.SUCCESS
        counts = (len(written.accepted), len(freed.waiting), result.crashes)
        assert counts == ((1, 0, 0) if was_settled else (0, 1, 1))
        stores.cancel([task_id])


def test_a_cancel_and_a_take_at_once_leave_one_of_the_two(stores):
    for _ in range(10):
        task_id = enqueue(stores)
        taken, cancelled = at_once(
            stores, [partial(take, stores, 1), partial(stores.cancel, [task_id])]
        )
        assert cancelled == {task_id}
        status = status_of(stores.backend, task_id)
        assert status is (TaskStatus.RUNNING if taken else TaskStatus.CANCELLED)
        stores.settle("w", [to_retry(job) for job in taken])
        assert status_of(stores.backend, task_id) is TaskStatus.CANCELLED


def test_a_final_job_is_retried_by_one_of_many_that_try(stores):
    task_id = enqueue(stores)
    stores.cancel([task_id])
    retried = at_once(stores, [partial(stores.retry, [task_id])] * 4)
    assert sorted(map(len, retried)) == [0, 0, 0, 1]
    assert len(take(stores)) == 1


def test_jobs_of_all_kinds_and_delays_survive_a_crowd(stores, clock):
    options = [{"kind": kind, "run_after": timedelta(seconds=s)} for kind in Kind for s in (0, 60)]
    at_once(stores, [partial(enqueue, stores, **each) for each in options])
    clock.advance(61)
    lanes = [IO._replace(kind=kind) for kind in Kind]
    assert len(stores.take("w", lanes, 100).jobs) == len(options)
