"""The ledger's times in every database: right in any zone, and where time zones are off."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connections
from django.test import override_settings

from flowrra_django.backends.database.engines import engine_of
from flowrra_django.models import TaskRecord
from flowrra_django.results import TaskStatus
from tests.contracts.acts import (
    claim,
    claim_new,
    enlist,
    new_job,
    record,
    rescue,
    result_of,
    status_of,
    success,
    to_retry,
)

SOON = timedelta(seconds=60)


@pytest.fixture
def backend(stores):
    return stores.backend


@contextmanager
def anew(alias):
    """Open another connection, and forget what was known of the zone of the last."""
    connections[alias].close()
    for name in ("timezone", "timezone_name"):
        connections[alias].__dict__.pop(name, None)
    yield


@contextmanager
def database_in(alias, zone):
    """Set the TIME_ZONE option of the database."""
    options = connections[alias].settings_dict
    before, options["TIME_ZONE"] = options["TIME_ZONE"], zone
    with anew(alias):
        yield
    options["TIME_ZONE"] = before
    with anew(alias):
        pass


@contextmanager
def zones_off(alias):
    with override_settings(USE_TZ=False), anew(alias):
        yield
    with anew(alias):
        pass


ZONES = {
    "UTC": lambda alias: database_in(alias, None),
    "Kolkata": lambda alias: database_in(alias, "Asia/Kolkata"),
    "Vancouver": lambda alias: database_in(alias, "America/Vancouver"),
    "USE_TZ off": zones_off,
}


@pytest.fixture(params=ZONES.values(), ids=ZONES)
def zone(request, backend):
    with request.param(backend.alias):
        yield


def test_a_job_lives_its_life_in_any_zone(backend, zone, clock):
    enlist(backend, "w")
    at = clock.moment() + SOON
    job = new_job(backend, run_after=at)
    assert backend.record([job])[0].delay == pytest.approx(60, abs=1)
    assert backend.claim("w", [job.task_id]).jobs == []
    clock.advance(61)
    claimed = claim(backend, "w", job.task_id)
    backend.settle("w", [to_retry(claimed, 60)])
    clock.advance(61)
    claimed = claim(backend, "w", job.task_id)
    assert claimed.started_at == result_of(backend, job.task_id).started_at
    backend.settle("w", [success(claimed)])
    result = result_of(backend, job.task_id)
    assert result.run_after == at
    assert at < result.started_at <= result.finished_at <= clock.moment()
    assert {t.utcoffset() for t in (result.submitted_at, result.finished_at)} == {timedelta(0)}
    assert backend.prune(50, 10) == 0
    clock.advance(51)
    assert backend.prune(50, 10) == 1


def test_heartbeats_and_rescue_work_in_any_zone(backend, zone, clock):
    job = claim_new(backend, "w")
    clock.advance(40)
    (beat,) = backend.beats()
    assert beat.age == pytest.approx(40, abs=1)
    assert beat.at.utcoffset() == timedelta(0)
    assert rescue(backend, "w") == [job.task_id]
    assert status_of(backend, job.task_id) is TaskStatus.RETRYING


def test_the_queue_goes_by_the_same_time_in_any_zone(stores, zone, clock):
    enlist(stores.backend, "w")
    job = new_job(stores.backend, run_after=SOON)
    stores.backend.record([job])
    assert stores.take("w", [job.lane], 10) == ([], pytest.approx(60, abs=1))
    clock.advance(61)
    assert stores.backend.has_work([job.lane])
    assert [taken.task_id for taken in stores.take("w", [job.lane], 10).jobs] == [job.task_id]


@pytest.mark.parametrize("zone_name", [None, "Asia/Kolkata"])
def test_the_orm_reads_the_times_that_the_engine_wrote(backend, clock, zone_name):
    with database_in(backend.alias, zone_name):
        at = datetime(2030, 1, 31, 12, 0, 0, 123456, tzinfo=ZoneInfo("Europe/Vienna"))
        task_id = record(backend, run_after=at)
        stored = TaskRecord.objects.using(backend.alias).get(task_id=task_id)
        assert stored.run_after == stored.due_at == at
        assert (clock.moment() - stored.submitted_at).total_seconds() == pytest.approx(0, abs=1)


def test_times_are_in_utc_where_time_zones_are_off_and_the_database_knows_none(backend, clock):
    if connections[backend.alias].features.supports_timezones:
        pytest.skip("This database keeps moments, whatever the zone they are told in.")
    with zones_off(backend.alias):
        task_id = record(backend)
        stored = TaskRecord.objects.using(backend.alias).get(task_id=task_id)
        now = clock.moment().astimezone(UTC).replace(tzinfo=None)
        assert (now - stored.submitted_at).total_seconds() == pytest.approx(0, abs=1)


def test_the_clock_of_the_ledger_is_right_in_any_zone(backend, zone):
    now = engine_of(backend.alias).clock()
    assert (datetime.now(UTC) - now).total_seconds() == pytest.approx(0, abs=1)
