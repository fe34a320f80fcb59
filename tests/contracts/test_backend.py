"""Every ledger: the way in, and what can be read. `BaseBackend`, first part."""

from dataclasses import replace
from datetime import UTC, timedelta

import pytest

from flowrra_django.backends.base import BaseBackend
from flowrra_django.job import Kind, Lane
from flowrra_django.results import TaskStatus
from tests.contracts.acts import (
    IO,
    claim,
    claim_new,
    enlist,
    failure,
    new_job,
    record,
    record_many,
    result_of,
    status_of,
    success,
    to_retry,
)

SOON = timedelta(seconds=60)
HOSTILE_NAMES = ["ünïcødé ☃ 🐘", "it's", 'say "no"', "%s {0} ? \\", "a, b; c", " ", "$[0]", "5"]


# record


def test_a_new_job_is_pending_and_as_it_was_recorded(backend, clock):
    before = clock.moment()
    task_id = record(backend, 1, "two", queue="mail", priority=-3)
    result = result_of(backend, task_id)
    assert (result.status, result.task_name) == (TaskStatus.PENDING, "tests.add")
    assert (result.args, dict(result.kwargs)) == ((1, "two"), {})
    assert (result.queue, result.priority, result.run_after) == ("mail", -3, None)
    assert (result.attempts, result.failures, result.crashes, result.retries) == (0, 0, 0, 0)
    assert (result.worker, result.result, result.error) == (None, None, None)
    assert (result.error_type, result.traceback) == (None, None)
    assert before <= result.submitted_at <= clock.moment()
    assert (result.started_at, result.finished_at) == (None, None)


def test_what_is_noted_of_a_job_is_kept(backend):
    plain, noted = new_job(backend), new_job(backend, meta='{"who":"ünï ☃","n":[1,null]}')
    backend.record([plain, noted])
    alone = record(backend, meta='{"alone":true}')
    assert result_of(backend, plain.task_id).meta == {}
    assert result_of(backend, noted.task_id).meta == {"who": "ünï ☃", "n": [1, None]}
    assert result_of(backend, alone).meta == {"alone": True}


def test_recording_tells_what_the_index_has_to_know(backend):
    jobs = [
        new_job(backend, queue="mail", priority=7),
        new_job(backend, kind=Kind.CPU, run_after=SOON),
    ]
    entries = backend.record(jobs)
    assert [entry.task_id for entry in entries] == [job.task_id for job in jobs]
    assert [entry.lane for entry in entries] == [Lane("mail", Kind.IO), Lane("default", Kind.CPU)]
    assert [entry.priority for entry in entries] == [7, 0]
    assert entries[0].delay == 0
    assert entries[1].delay == pytest.approx(60, abs=1)


def test_a_moment_to_run_after_is_kept_and_becomes_a_delay(backend, clock):
    at = clock.moment() + SOON
    job = new_job(backend, run_after=at)
    (entry,) = backend.record([job])
    assert entry.delay == pytest.approx(60, abs=1)
    assert result_of(backend, job.task_id).run_after == at
    assert result_of(backend, job.task_id).run_after.tzinfo is UTC


@pytest.mark.parametrize("past", [timedelta(seconds=-5), timedelta(0)])
def test_a_moment_that_has_passed_is_no_delay(backend, past):
    enlist(backend, "w")
    job = new_job(backend, run_after=past)
    assert backend.record([job])[0].delay == 0
    assert claim(backend, "w", job.task_id).task_id == job.task_id


def test_a_delay_is_told_as_the_moment_it_came_to(backend, clock):
    task_id = record(backend, run_after=SOON)
    run_after = result_of(backend, task_id).run_after
    assert (run_after - clock.moment()).total_seconds() == pytest.approx(60, abs=1)


def test_an_id_that_is_taken_is_refused_with_all_that_came_along(backend, ledger):
    first = claim_new(backend, "w")
    another = new_job(backend)
    with pytest.raises(ledger.duplicate):
        backend.record([another, replace(new_job(backend), task_id=first.task_id)])
    assert set(backend.results([first.task_id, another.task_id])) == {first.task_id}
    assert status_of(backend, first.task_id) is TaskStatus.RUNNING


def test_an_id_given_twice_is_refused_and_nothing_is_kept(backend, ledger):
    job = new_job(backend)
    with pytest.raises(ledger.duplicate):
        backend.record([job, job])
    assert backend.results([job.task_id]) == {}


def test_an_id_that_is_taken_is_refused_alone_too(backend, ledger):
    task_id = record(backend, 1)
    with pytest.raises(ledger.duplicate):
        backend.record([replace(new_job(backend, 2), task_id=task_id)])
    assert result_of(backend, task_id).args == (1,)


# results and settled_among


def test_unknown_ids_have_no_result(backend):
    task_id = record(backend)
    assert set(backend.results([task_id, "nobody"])) == {task_id}


def test_times_are_aware_and_in_utc(backend):
    job = claim_new(backend, "w", run_after=timedelta(0))
    backend.settle("w", [success(job)])
    result = result_of(backend, job.task_id)
    times = (result.submitted_at, result.run_after, result.started_at, result.finished_at)
    assert all(moment.utcoffset() == timedelta(0) for moment in times)
    assert result.submitted_at <= result.started_at <= result.finished_at


def test_what_nothing_will_change_is_final_or_unknown(backend):
    done, failed, again = (claim_new(backend, "w") for _ in range(3))
    backend.settle("w", [success(done), failure(failed), to_retry(again)])
    cancelled, pending = record_many(backend, 2)
    backend.cancel([cancelled])
    running = claim_new(backend, "w").task_id
    final = {done.task_id, failed.task_id, cancelled, "nobody"}
    assert backend.settled_among([*final, again.task_id, pending, running]) == final


# waiting, has_work, queues


def test_waiting_names_all_that_wait_on_the_lanes_and_nothing_else(backend):
    other_lane = record(backend, kind=Kind.THREAD)
    running, ended = claim_new(backend, "w"), claim_new(backend, "w")
    again = claim_new(backend, "w")
    backend.settle("w", [success(ended), to_retry(again, 60)])
    ready, delayed, mail = (
        record(backend),
        record(backend, run_after=SOON),
        record(backend, queue="mail"),
    )
    waiting = {again.task_id, ready, delayed}
    assert set(backend.waiting([IO], 10)) == waiting
    assert set(backend.waiting([IO, Lane("mail", Kind.IO)], 10)) == waiting | {mail}
    assert backend.waiting([Lane("default", Kind.THREAD)], 10) == [other_lane]
    assert running.task_id not in backend.waiting([IO], 10)


def test_waiting_stops_at_its_limit(backend):
    waiting = set(record_many(backend, 5))
    assert len(backend.waiting([IO], 3)) == 3
    assert set(backend.waiting([IO], 3)) < waiting


def leave_ready(backend, clock):
    record(backend)


def leave_delayed(backend, clock):
    record(backend, run_after=SOON)


def leave_come_due(backend, clock):
    record(backend, run_after=SOON)
    clock.advance(61)


def leave_to_retry(backend, clock):
    backend.settle("w", [to_retry(claim_new(backend, "w"), 60)])


def leave_running(backend, clock):
    claim_new(backend, "w")


def leave_ended(backend, clock):
    backend.settle("w", [success(claim_new(backend, "w"))])


def leave_cancelled(backend, clock):
    backend.cancel([record(backend)])


def leave_on_another_lane(backend, clock):
    record(backend, queue="mail")
    record(backend, kind=Kind.CPU)


@pytest.mark.parametrize(
    ("leave", "has_work"),
    [
        (leave_ready, True),
        (leave_delayed, False),
        (leave_come_due, True),
        (leave_to_retry, True),
        (leave_running, False),
        (leave_ended, False),
        (leave_cancelled, False),
        (leave_on_another_lane, False),
    ],
)
def test_there_is_work_if_a_job_is_due_or_waits_for_its_retry(backend, clock, leave, has_work):
    leave(backend, clock)
    assert backend.has_work([Lane("void", Kind.IO), IO]) is has_work


@pytest.mark.parametrize(
    ("leave", "queues"),
    [
        (leave_ready, {"default"}),
        (leave_delayed, {"default"}),
        (leave_to_retry, {"default"}),
        (leave_running, set()),
        (leave_ended, set()),
        (leave_cancelled, set()),
        (leave_on_another_lane, {"default", "mail"}),
    ],
)
def test_the_queues_are_those_on_which_jobs_wait(backend, clock, leave, queues):
    leave(backend, clock)
    assert backend.queues() == queues


def test_many_queues_are_told_once_each(backend):
    names = {f"q{number}" for number in range(30)}
    backend.record([new_job(backend, queue=name) for name in sorted(names) * 2])
    backend.record([new_job(backend, queue=f"{name}!", run_after=SOON) for name in names])
    assert backend.queues() == names | {f"{name}!" for name in names}


# Hostile input


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_queue_may_have_any_name(backend, name):
    enlist(backend, "w")
    task_id = record(backend, queue=name)
    assert backend.queues() == {name}
    assert backend.waiting([Lane(name, Kind.IO)], 10) == [task_id]
    assert backend.has_work([Lane(name, Kind.IO)])
    assert claim(backend, "w", task_id).queue == name


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_ids_and_names_of_tasks_may_be_any_text(backend, name):
    enlist(backend, name)
    job = replace(new_job(backend), task_id=name, task_name=name)
    backend.record([job])
    assert claim(backend, name, name).task_name == name
    assert result_of(backend, name).worker == name


@pytest.mark.parametrize(
    "value",
    [
        "nul \0 inside",
        "lone \ud800 surrogate",
        "🐘" * 1000,
        "x" * 1_000_000,
        2**70,
        "\\x00 %s ' \"",
    ],
    ids=["nul", "surrogate", "astral", "huge", "big", "quotes"],
)
def test_arguments_and_results_come_back_as_they_were(backend, value):
    enlist(backend, "w")
    job = claim(backend, "w", record(backend, value))
    assert backend.codec.decode(job.args) == [value]
    backend.settle("w", [success(job, backend.codec.encode({"value": value}))])
    result = result_of(backend, job.task_id)
    assert (result.args, result.result) == ((value,), {"value": value})


@pytest.mark.parametrize("priority", [-(2**31), 2**31 - 1])
def test_a_priority_may_be_any_number_of_32_bits(backend, priority):
    assert claim_new(backend, "w", priority=priority).priority == priority


def test_nothing_asked_is_nothing_done(backend: BaseBackend):
    enlist(backend, "w")
    record(backend)
    assert backend.record([]) == []
    assert backend.results([]) == {}
    assert backend.settled_among([]) == set()
    assert backend.waiting([], 10) == []
    assert backend.waiting([IO], 0) == []
    assert backend.has_work([]) is False
    assert backend.claim("w", []) == ([], [])
    assert backend.settle("w", []) == (set(), [])
    assert backend.release("w", []) == (set(), [])
    assert backend.cancel([]) == set()
    assert backend.retry([]) == []
    assert backend.prune(0, 0) == 0


def test_two_thousand_ids_at_once(backend):
    enlist(backend, "w")
    task_ids = record_many(backend, 2000)
    assert len(backend.results(task_ids)) == 2000
    assert backend.settled_among(task_ids) == set()
    assert len(backend.waiting([IO], 5000)) == 2000
    jobs = backend.claim("w", task_ids).jobs
    assert len(backend.settle("w", [to_retry(job) for job in jobs]).waiting) == 2000
    jobs = backend.claim("w", task_ids).jobs
    assert len(backend.held("w", Kind.IO)) == 2000
    assert len(backend.settle("w", [success(job) for job in jobs]).accepted) == 2000
    assert backend.settled_among(task_ids) == set(task_ids)
    assert len(backend.retry(task_ids)) == 2000
    assert backend.cancel(task_ids) == set(task_ids)
