"""The ledger in memory: values as they are, and a time to live."""

import pytest

from flowrra_django.backends.memory import InMemoryBackend
from flowrra_django.config import BackendConfig
from flowrra_django.job import Kind
from tests.contracts.acts import (
    claim,
    claim_new,
    enlist,
    new_job,
    record,
    record_many,
    result_of,
    success,
    to_retry,
)


@pytest.fixture
def backend(clock):
    return InMemoryBackend(clock=clock.seconds)


def test_arguments_and_results_are_the_objects_themselves(backend):
    argument, returned = object(), object()
    enlist(backend, "w")
    job = claim(backend, "w", record(backend, argument))
    backend.settle("w", [success(job, returned)])
    result = result_of(backend, job.task_id)
    assert job.args[0] is result.args[0] is argument
    assert result.result is returned


def test_a_config_names_how_long_results_are_kept(clock):
    backend = InMemoryBackend.from_config(BackendConfig("memory://", 5.0), None)
    assert not backend.is_shared
    assert backend._ttl == 5.0


def test_what_ended_too_long_ago_is_forgotten_when_another_job_ends(clock):
    backend = InMemoryBackend(ttl=50, clock=clock.seconds)
    old, cancelled, again = claim_new(backend, "w"), record(backend), claim_new(backend, "w")
    backend.settle("w", [success(old), to_retry(again)])
    backend.cancel([cancelled])
    ids = [old.task_id, cancelled, again.task_id]
    clock.advance(49)
    backend.settle("w", [success(claim_new(backend, "w"))])
    assert set(backend.results(ids)) == set(ids)
    clock.advance(2)
    backend.settle("w", [success(claim_new(backend, "w"))])
    assert set(backend.results(ids)) == {again.task_id}


def test_a_job_that_just_ended_outlives_a_time_to_live_of_nothing(clock):
    backend = InMemoryBackend(ttl=0, clock=lambda: 1.0)
    job = claim_new(backend, "w")
    backend.settle("w", [success(job)])
    assert result_of(backend, job.task_id).is_success


def test_a_refused_id_takes_no_number_from_the_order(backend):
    job = new_job(backend)
    with pytest.raises(ValueError, match="Give each its own"):
        backend.record([job, job])
    first, second = (claim_new(backend, "w") for _ in range(2))
    assert (first.sequence, second.sequence) == (1, 2)


def test_what_a_worker_holds_is_a_copy_that_later_changes_do_not_reach(backend):
    job = claim_new(backend, "w")
    backend.settle("w", [to_retry(job)])
    again = claim(backend, "w", job.task_id)
    assert (job.attempts, job.failures) == (1, 0)
    assert (again.attempts, again.failures) == (2, 1)
    assert backend.held("w", Kind.IO) == [again]


def test_nothing_is_left_of_many_jobs_that_were_pruned(backend, clock):
    backend.cancel(record_many(backend, 100))
    clock.advance(10)
    assert backend.prune(5, 1000) == 100
    assert not backend._records
    assert not backend._ended
