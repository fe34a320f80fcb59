"""Every ledger: what running jobs tell of themselves, and that they are to be cancelled."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from flowrra_django.backends.answers import Unwanted
from flowrra_django.reports import KEPT_LINES, LogLine, Progress, Report
from flowrra_django.results import TaskStatus
from flowrra_django.retry import Settlement
from tests.contracts.acts import (
    claim,
    claim_new,
    crash,
    enlist,
    give_back,
    record,
    rescue,
    result_of,
    status_of,
    success,
    to_retry,
)

START = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)


def progress(done=3, total=10, message="çà et là"):
    return Progress(done=done, total=total, message=message, at=START)


def lines(*texts, attempt=1, since=0):
    starts = (START + timedelta(seconds=since + n) for n in range(len(texts)))
    return [LogLine(at=at, attempt=attempt, text=t) for at, t in zip(starts, texts, strict=True)]


def report(backend, job, worker="w", **told):
    backend.report(worker, [Report(job=job, **told)])


def stopped(job, **changes):
    return Settlement(
        job=job, status=TaskStatus.CANCELLED, history=job.history, was_stopped=True, **changes
    )


# What they tell


def test_a_job_tells_nothing_of_itself_until_it_does(backend):
    result = result_of(backend, claim_new(backend, "w").task_id)
    assert (result.progress, result.log) == (None, ())
    assert (result.cancelled_by, result.was_stopped) == (None, None)


@pytest.mark.parametrize(("done", "total"), [(3, 10), (0.25, 1.0), (7, None), (-1, 0), (2**53, 1)])
def test_progress_is_kept_as_it_was_told(backend, done, total):
    job = claim_new(backend, "w")
    report(backend, job, progress=progress(done, total))
    kept = result_of(backend, job.task_id).progress
    assert kept == progress(done, total)
    assert type(kept.done) is type(done)


def test_those_who_watch_see_the_progress_too(backend):
    job = claim_new(backend, "w")
    report(backend, job, progress=progress())
    told = backend.briefs([job.task_id])[job.task_id].progress
    assert (told["done"], told["total"], told["message"]) == (3, 10, "çà et là")
    assert datetime.fromisoformat(told["at"]) == START


def test_the_last_progress_counts(backend):
    job = claim_new(backend, "w")
    report(backend, job, progress=progress(1))
    report(backend, job, progress=progress(2))
    assert result_of(backend, job.task_id).progress.done == 2


def test_lines_are_added_and_the_oldest_go_when_there_are_too_many(backend):
    job = claim_new(backend, "w")
    for part in range(4):
        report(backend, job, lines=lines(*map(str, range(40)), since=100 * part))
    log = result_of(backend, job.task_id).log
    assert len(log) == KEPT_LINES
    assert [line.text for line in log[-2:]] == ["38", "39"]
    assert log[0] == lines(*map(str, range(40)), since=100)[20]


def test_lines_that_come_again_since_a_reply_was_lost_are_there_once(backend):
    job = claim_new(backend, "w")
    told = lines("one", "two", "two")
    report(backend, job, lines=told)
    report(backend, job, lines=told)
    assert result_of(backend, job.task_id).log == tuple(told)


def test_news_of_the_one_leaves_the_other_as_it_is(backend):
    job = claim_new(backend, "w")
    report(backend, job, progress=progress(), lines=lines("one"))
    report(backend, job, lines=lines("two", since=5))
    report(backend, job, progress=progress(4))
    result = result_of(backend, job.task_id)
    assert result.progress == progress(4)
    assert [line.text for line in result.log] == ["one", "two"]


def test_many_jobs_report_in_one_call_and_each_for_itself(backend):
    jobs = [claim_new(backend, "w") for _ in range(30)]
    backend.report(
        "w",
        [
            Report(job=job, progress=progress(n) if n % 2 else None, lines=lines(*"ab"[: n % 3]))
            for n, job in enumerate(jobs)
        ],
    )
    results = [result_of(backend, job.task_id) for job in jobs]
    assert [r.progress and r.progress.done for r in results] == [
        n if n % 2 else None for n in range(30)
    ]
    assert [len(r.log) for r in results] == [n % 3 for n in range(30)]


def test_no_reports_are_nothing_to_do(backend):
    backend.report("w", [])


@pytest.mark.parametrize("end", [success, to_retry, crash])
def test_what_was_told_is_still_there_when_the_run_is_over(backend, end):
    job = claim_new(backend, "w")
    report(backend, job, progress=progress(), lines=lines("one"))
    backend.settle("w", [end(job)])
    result = result_of(backend, job.task_id)
    assert result.progress == progress()
    assert [line.text for line in result.log] == ["one"]


def test_only_who_holds_the_claim_can_report(backend):
    enlist(backend, "w", "other")
    job = claim(backend, "w", record(backend))
    told = {"progress": progress(), "lines": lines("late")}
    report(backend, job, "other", **told)
    report(backend, replace(job, claim=job.claim + 1), **told)
    backend.settle("w", [to_retry(job)])
    report(backend, job, **told)
    again = claim(backend, "w", job.task_id)
    report(backend, job, **told)
    backend.settle("w", [success(again)])
    report(backend, again, **told)
    report(backend, replace(job, task_id="nobody", sequence=10**9), **told)
    result = result_of(backend, job.task_id)
    assert (result.status, result.progress, result.log) == (TaskStatus.SUCCESS, None, ())


def test_a_new_attempt_begins_without_progress_and_adds_to_the_log(backend):
    job = claim_new(backend, "w")
    report(backend, job, progress=progress(), lines=lines("first"))
    backend.settle("w", [to_retry(job)])
    again = claim(backend, "w", job.task_id)
    assert result_of(backend, job.task_id).progress is None
    report(backend, again, lines=lines("second", attempt=2, since=9))
    log = result_of(backend, job.task_id).log
    assert [(line.attempt, line.text) for line in log] == [(1, "first"), (2, "second")]


def test_a_retry_by_hand_forgets_progress_and_keeps_the_log(backend):
    job = claim_new(backend, "w")
    report(backend, job, progress=progress(), lines=lines("first"))
    backend.settle("w", [success(job)])
    backend.retry([job.task_id])
    result = result_of(backend, job.task_id)
    assert (result.progress, len(result.log)) == (None, 1)


# What they are to be told


def test_a_worker_is_told_which_of_its_own_jobs_are_unwanted_and_by_whom(backend):
    mine, wanted = claim_new(backend, "w"), claim_new(backend, "w")
    others = claim_new(backend, "other")
    waiting = record(backend)
    assert backend.orders("w").unwanted == []
    backend.cancel([mine.task_id, others.task_id, waiting], by="ada")
    assert backend.orders("w").unwanted == [Unwanted(mine.task_id, mine.claim, "ada")]
    assert backend.orders("w").unwanted == [Unwanted(mine.task_id, mine.claim, "ada")]
    assert backend.orders("nobody").unwanted == []
    assert status_of(backend, wanted.task_id) is TaskStatus.RUNNING


def test_who_asked_first_is_kept_and_nobody_has_to_say(backend):
    waiting, running, anonymous = record(backend), claim_new(backend, "w"), record(backend)
    backend.cancel([waiting, running.task_id], by="ada")
    backend.cancel([waiting, running.task_id], by="bob")
    backend.cancel([anonymous])
    assert result_of(backend, waiting).cancelled_by == "ada"
    assert result_of(backend, running.task_id).cancelled_by == "ada"
    assert result_of(backend, anonymous).cancelled_by is None


@pytest.mark.parametrize("end", [success, to_retry, crash, stopped])
def test_a_job_that_has_ended_is_unwanted_no_more(backend, end):
    job = claim_new(backend, "w")
    backend.cancel([job.task_id], by="ada")
    backend.settle("w", [end(job)])
    assert backend.orders("w").unwanted == []
    result = result_of(backend, job.task_id)
    expected = TaskStatus.SUCCESS if end is success else TaskStatus.CANCELLED
    assert (result.status, result.cancelled_by) == (expected, "ada")
    assert result.was_stopped is (True if end is stopped else None)


def test_a_release_and_a_rescue_leave_who_asked(backend):
    given_back, lost = claim_new(backend, "w"), claim_new(backend, "gone")
    backend.cancel([given_back.task_id, lost.task_id], by="ada")
    backend.release("w", [give_back(given_back)])
    assert rescue(backend, "gone") == []
    for job in (given_back, lost):
        result = result_of(backend, job.task_id)
        assert (result.status, result.cancelled_by) == (TaskStatus.CANCELLED, "ada")


def test_a_job_that_was_stopped_keeps_what_its_code_left(backend):
    job = claim_new(backend, "w")
    backend.cancel([job.task_id])
    settled = backend.settle("w", [stopped(job, result=backend.codec.encode(7))])
    assert settled == ({job.task_id}, [])
    result = result_of(backend, job.task_id)
    assert (result.result, result.was_stopped) == (7, True)
    assert result.finished_at is not None


def test_a_stop_counts_for_who_holds_the_claim_only(backend):
    job = claim_new(backend, "w")
    enlist(backend, "other")
    assert backend.settle("other", [stopped(job)]).accepted == set()
    assert status_of(backend, job.task_id) is TaskStatus.RUNNING


def test_a_stop_is_written_in_one_batch_with_other_ends(backend):
    jobs = [claim_new(backend, "w") for _ in range(4)]
    ends = [end(job) for end, job in zip([success, stopped, to_retry, stopped], jobs, strict=True)]
    settled = backend.settle("w", ends)
    assert settled.accepted == {job.task_id for job in jobs}
    assert [status_of(backend, job.task_id).value for job in jobs] == [
        "success",
        "cancelled",
        "retrying",
        "cancelled",
    ]


def test_a_retry_by_hand_forgets_that_it_was_cancelled(backend):
    job = claim_new(backend, "w")
    backend.cancel([job.task_id], by="ada")
    backend.settle("w", [stopped(job)])
    backend.retry([job.task_id])
    result = result_of(backend, job.task_id)
    assert (result.status, result.cancelled_by, result.was_stopped) == (
        TaskStatus.PENDING,
        None,
        None,
    )
    again = claim(backend, "w", job.task_id)
    assert backend.orders("w").unwanted == []
    backend.settle("w", [to_retry(again)])
    assert status_of(backend, job.task_id) is TaskStatus.RETRYING
