"""Every ledger: who works, and the rescue of what a silent worker held."""

import orjson
import pytest

from flowrra_django.backends.answers import NO_VITALS, Rescued, Vitals, WorkerInfo
from flowrra_django.exceptions import WorkerLostError
from flowrra_django.job import Kind
from flowrra_django.results import TaskStatus
from tests.contracts.acts import (
    beat_of,
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


# enlist, beat, dismiss, beats


def test_a_beat_tells_how_the_worker_is(backend):
    enlist(backend, "w")
    assert beat_of(backend, "w").vitals == NO_VITALS
    for vitals in (Vitals(5 * 2**40, 3), Vitals(7)):
        assert backend.beat("w", vitals)
        assert beat_of(backend, "w").vitals == vitals


def test_a_worker_that_comes_back_is_as_well_as_a_new_one(backend):
    enlist(backend, "w")
    backend.beat("w", Vitals(None, 3))
    backend.dismiss("w")
    enlist(backend, "w")
    assert beat_of(backend, "w").vitals == NO_VITALS


def test_a_worker_that_is_enlisted_can_be_asked_to_end(backend):
    enlist(backend, "v", "w")
    assert backend.drain("w") is True
    assert backend.drain("w") is True
    assert [backend.orders(worker).is_to_end for worker in ("v", "w", "nobody")] == [
        False,
        True,
        False,
    ]
    assert [beat_of(backend, worker).is_draining for worker in ("v", "w")] == [False, True]
    assert backend.beat("w")
    assert backend.orders("w").is_to_end
    assert backend.drain("nobody") is False


def test_a_worker_that_comes_back_is_not_asked_to_end_any_more(backend):
    enlist(backend, "w")
    backend.drain("w")
    backend.dismiss("w")
    assert not backend.orders("w").is_to_end
    enlist(backend, "w")
    assert not backend.orders("w").is_to_end
    assert beat_of(backend, "w").vitals.memory is None


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
    (entry,) = backend.rescue("w", beat_of(backend, "w").at).waiting
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
    assert backend.rescue("w", seen) == Rescued([], [], [])
    assert backend.held("w", Kind.IO) == [job]
    assert beat_of(backend, "w").at > seen


def test_a_worker_is_rescued_once(backend):
    claim_new(backend, "w")
    seen = beat_of(backend, "w").at
    assert len(backend.rescue("w", seen).waiting) == 1
    assert backend.rescue("w", seen) == Rescued([], [], [])
    assert backend.rescue("w", None) == Rescued([], [], [])


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
    assert backend.rescue("w", None) == Rescued([], [], [])
    backend.dismiss("w")
    (entry,) = backend.rescue("w", None).waiting
    assert entry.task_id == job.task_id
    assert backend.strays() == set()
    assert result_of(backend, job.task_id).crashes == 1


# Queues that are paused


def test_a_queue_is_paused_until_it_is_resumed(backend):
    assert backend.paused() == set()
    for name in ("mail", "mail", "Mail", "night shift"):
        backend.pause(name)
    assert backend.paused() == {"mail", "Mail", "night shift"}
    backend.resume("mail")
    backend.resume("never paused")
    assert backend.paused() == {"Mail", "night shift"}


def test_to_pause_a_queue_changes_no_job(backend):
    job = claim_new(backend, "w")
    waiting = record(backend)
    backend.pause(job.queue)
    assert backend.settle("w", [success(job)]).accepted == {job.task_id}
    assert status_of(backend, waiting) is TaskStatus.PENDING


def test_a_rescue_tells_which_jobs_have_failed_for_good_and_which_are_cancelled(backend):
    again, unwanted = claim_new(backend, "w"), claim_new(backend, "w")
    over = claim(backend, "w", record(backend, max_crashes=0))
    backend.cancel([unwanted.task_id])
    waiting, failed, cancelled = backend.rescue("w", beat_of(backend, "w").at)
    assert [settlement.job.task_id for settlement in cancelled] == [unwanted.task_id]
    assert [entry.task_id for entry in waiting] == [again.task_id]
    (loss,) = failed
    assert (loss.job, loss.status, loss.error.type) == (over, TaskStatus.FAILED, LOST)
    kept = result_of(backend, over.task_id)
    assert (kept.status, kept.error, kept.crashes) == (TaskStatus.FAILED, loss.error.message, 1)
