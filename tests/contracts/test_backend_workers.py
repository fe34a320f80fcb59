"""Every ledger: who works, and the rescue of what a silent worker held."""

import orjson
import pytest

from flowrra_django.backends.base import WorkerInfo
from flowrra_django.exceptions import WorkerLostError
from flowrra_django.job import Kind
from flowrra_django.results import TaskStatus
from tests.contracts.acts import (
    claim,
    claim_new,
    enlist,
    failure,
    give_back,
    record,
    rescue,
    result_of,
    status_of,
    success,
)

LOST = f"{WorkerLostError.__module__}.{WorkerLostError.__qualname__}"


def beat_of(backend, worker_id):
    (beat,) = [beat for beat in backend.beats() if beat.worker.worker_id == worker_id]
    return beat


# enlist, beat, dismiss, beats


def test_an_enlisted_worker_is_told_of_as_it_described_itself(backend, clock):
    info = WorkerInfo(
        worker_id="w",
        host="näme.example",
        pid=2**22,
        process="boot ns 1 2",
        queues=("default", "mail"),
        kinds=(Kind.IO, Kind.CPU),
        version="0.1.0",
    )
    backend.enlist(info)
    (beat,) = backend.beats()
    assert beat.worker == info
    assert beat.at.utcoffset().total_seconds() == 0
    assert (clock.moment() - beat.at).total_seconds() == pytest.approx(0, abs=1)
    assert beat.age == pytest.approx(0, abs=1)


def test_a_worker_that_says_nothing_of_itself_is_told_of_so(backend):
    enlist(backend, "w")
    assert backend.beats()[0].worker == WorkerInfo(worker_id="w")


def test_a_heartbeat_makes_a_worker_young_again(backend, clock):
    enlist(backend, "w")
    first = beat_of(backend, "w")
    clock.advance(40)
    assert beat_of(backend, "w").age == pytest.approx(40, abs=1)
    assert backend.beat("w") is True
    assert beat_of(backend, "w").age == pytest.approx(0, abs=1)
    assert beat_of(backend, "w").at > first.at


def test_a_worker_that_is_not_enlisted_cannot_beat(backend):
    assert backend.beat("nobody") is False
    assert backend.beats() == []


def test_a_worker_that_was_dismissed_is_gone(backend):
    enlist(backend, "w", "other")
    backend.dismiss("w")
    backend.dismiss("nobody")
    assert [beat.worker.worker_id for beat in backend.beats()] == ["other"]
    assert backend.beat("w") is False


def test_a_worker_may_enlist_twice_for_its_first_reply_may_have_got_lost(backend):
    job = claim_new(backend, "w")
    backend.enlist(WorkerInfo(worker_id="w", version="2"))
    assert [beat.worker.version for beat in backend.beats()] == ["2"]
    assert backend.held("w", Kind.IO) == [job]


# rescue


def test_the_jobs_of_a_rescued_worker_wait_again_and_are_charged_a_crash(backend):
    job = claim_new(backend, "w", queue="mail", priority=3)
    (entry,) = backend.rescue("w", beat_of(backend, "w").at)
    assert (entry.task_id, entry.lane, entry.priority, entry.delay) == (
        job.task_id,
        job.lane,
        3,
        0,
    )
    result = result_of(backend, job.task_id)
    assert (result.status, result.worker, result.finished_at) == (TaskStatus.RETRYING, None, None)
    assert (result.attempts, result.failures, result.crashes, result.retries) == (1, 0, 1, 1)
    assert (result.error_type, "w" in result.error) == (LOST, True)
    assert backend.beats() == []


def test_a_rescued_job_can_be_claimed_at_once_and_its_past_is_told(backend):
    job = claim_new(backend, "w")
    rescue(backend, "w")
    enlist(backend, "other")
    again = claim(backend, "other", job.task_id)
    assert (again.claim, again.attempts, again.crashes) == (2, 2, 1)
    (attempt,) = orjson.loads(again.history)
    assert (attempt["attempt"], attempt["worker"], attempt["error_type"]) == (1, "w", LOST)


def test_a_worker_that_has_beaten_since_is_not_rescued(backend, clock):
    job = claim_new(backend, "w")
    seen = beat_of(backend, "w").at
    clock.advance(5)
    backend.beat("w")
    assert backend.rescue("w", seen) == []
    assert backend.held("w", Kind.IO) == [job]
    assert beat_of(backend, "w").at > seen


def test_a_worker_is_rescued_once(backend):
    claim_new(backend, "w")
    seen = beat_of(backend, "w").at
    assert len(backend.rescue("w", seen)) == 1
    assert backend.rescue("w", seen) == []
    assert backend.rescue("w", None) == []


def test_a_rescue_touches_only_what_the_worker_ran(backend):
    theirs = claim_new(backend, "other")
    lost = claim_new(backend, "w")
    done, given_back = claim_new(backend, "w"), claim_new(backend, "w")
    backend.settle("w", [success(done)])
    backend.release("w", [give_back(given_back)])
    untouched = [theirs.task_id, done.task_id, given_back.task_id, record(backend)]
    before = backend.results(untouched)
    assert rescue(backend, "w") == [lost.task_id]
    assert backend.results(untouched) == before


def test_all_kinds_of_jobs_are_rescued(backend):
    jobs = [claim_new(backend, "w", kind=kind) for kind in Kind]
    assert set(rescue(backend, "w")) == {job.task_id for job in jobs}


def test_a_job_that_has_lost_its_worker_too_often_fails(backend):
    job = claim_new(backend, "w", max_crashes=1)
    assert rescue(backend, "w") == [job.task_id]
    enlist(backend, "w")
    claim(backend, "w", job.task_id)
    assert rescue(backend, "w") == []
    result = result_of(backend, job.task_id)
    assert (result.status, result.crashes, result.retries) == (TaskStatus.FAILED, 2, 1)
    assert (result.error_type, result.worker) == (LOST, "w")
    assert result.finished_at is not None
    enlist(backend, "w")
    assert backend.claim("w", [job.task_id]) == ([], [])


def test_a_job_that_must_run_at_most_once_is_failed_by_the_loss_of_its_worker(backend):
    job = claim_new(backend, "w", max_crashes=0)
    assert rescue(backend, "w") == []
    assert status_of(backend, job.task_id) is TaskStatus.FAILED


def test_a_job_to_be_cancelled_is_cancelled_by_its_rescue(backend):
    job, other = claim_new(backend, "w"), claim_new(backend, "w")
    backend.cancel([job.task_id])
    assert rescue(backend, "w") == [other.task_id]
    assert status_of(backend, job.task_id) is TaskStatus.CANCELLED


def test_a_rescued_worker_cannot_claim_until_it_enlists_again(backend):
    enlist(backend, "w")
    rescue(backend, "w")
    task_id = record(backend)
    assert backend.claim("w", [task_id]).jobs == []
    enlist(backend, "w")
    assert claim(backend, "w", task_id).task_id == task_id


# Strays


def test_who_holds_jobs_without_being_enlisted_is_a_stray(backend):
    claim_new(backend, "lost")
    claim_new(backend, "lost")
    claim_new(backend, "here")
    backend.settle("idle", [failure(claim_new(backend, "idle"))])
    backend.dismiss("lost")
    backend.dismiss("idle")
    assert backend.strays() == {"lost"}


def test_the_jobs_of_a_stray_are_freed(backend):
    job = claim_new(backend, "w")
    assert backend.rescue("w", None) == []
    backend.dismiss("w")
    (entry,) = backend.rescue("w", None)
    assert entry.task_id == job.task_id
    assert backend.strays() == set()
    assert result_of(backend, job.task_id).crashes == 1
