"""Ledgers on database servers: locks between connections, lost connections, what errors mean."""

import asyncio
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from django.db import DatabaseError, OperationalError, connections, transaction

from flowrra_django.config import BackendConfig, BrokerConfig, Config
from flowrra_django.context import current_job
from flowrra_django.executors.io_executor import IOExecutor
from flowrra_django.reports import Progress, Report
from flowrra_django.results import TaskStatus
from tests.contracts.acts import (
    IO,
    at_once,
    claim_new,
    enlist,
    give_back,
    new_job,
    record,
    record_many,
    rescue,
    status_of,
    success,
)
from tests.contracts.executors import eventually
from tests.contracts.stores import DATABASES, emptied
from tests.support import until

# Whether a session of the database waits for a lock. InnoDB looks anew only where it has not been
# asked for a tenth of a second.
IS_HELD_UP = {
    "postgresql": """
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'
    """,
    "mysql": """
        SELECT count(*) FROM information_schema.innodb_trx
        JOIN information_schema.processlist ON id = trx_mysql_thread_id
        JOIN (SELECT sleep(0.15)) AS pause
        WHERE trx_state = 'LOCK WAIT' AND db = database()
    """,
}
SESSION = {"postgresql": "SELECT pg_backend_pid()", "mysql": "SELECT connection_id()"}
END = {"postgresql": "SELECT pg_terminate_backend(%s)", "mysql": "KILL %s"}
CLOSED_TO_WRITES = {
    "postgresql": "SET default_transaction_read_only = on",
    "mysql": "SET SESSION TRANSACTION READ ONLY",
}
IMPATIENT = {
    "postgresql": "SET lock_timeout = '50ms'",
    "mysql": "SET SESSION innodb_lock_wait_timeout = 1",
}


@pytest.fixture(params=[pair for pair in DATABASES if pair.ledger.server], ids=lambda p: p.name)
def pair(request):
    emptied(request.param.ledger, request)
    return request.param


@pytest.fixture
def backend(stores):
    return stores.backend


@pytest.fixture
def elsewhere(backend):
    """Make a call on a thread, and so a connection, of its own; give its future."""
    with ThreadPoolExecutor(4) as pool:

        def called(call):
            try:
                return call()
            finally:
                connections.close_all()

        yield lambda call: pool.submit(called, call)


def ask(backend, statement, parameters=()):
    """Execute a statement on this thread's connection; return the value that it gives, if any."""
    with connections[backend.alias].cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchone()[0] if cursor.description else None


@pytest.fixture
def vendor(backend):
    return connections[backend.alias].vendor


@pytest.fixture
def held_up(backend, elsewhere, vendor):
    """Wait until a session waits for a lock."""
    is_held_up = lambda: ask(backend, IS_HELD_UP[vendor])  # noqa: E731
    return lambda: until(lambda: elsewhere(is_held_up).result(10))


@pytest.fixture
def end_connection(backend, elsewhere, vendor):
    """End this thread's connection from the server's side."""

    def end():
        session = ask(backend, SESSION[vendor])
        elsewhere(lambda: ask(backend, END[vendor], [session])).result(10)

    return end


# A claim beside a rescue of the worker that claims


def test_a_rescue_waits_for_a_claim_that_is_not_committed_and_frees_its_jobs_too(
    backend, elsewhere, held_up
):
    enlist(backend, "w")
    task_id = record(backend)
    with transaction.atomic(using=backend.alias):
        assert len(backend.claim("w", [task_id]).jobs) == 1
        rescued = elsewhere(lambda: rescue(backend, "w"))
        held_up()
        assert not rescued.done()
    assert rescued.result(10) == [task_id]
    assert status_of(backend, task_id) is TaskStatus.RETRYING


@pytest.mark.parametrize("by", ["id", "lane"])
def test_a_claim_beside_a_rescue_that_is_not_committed_wins_nothing(
    stores, backend, elsewhere, held_up, by
):
    enlist(backend, "w")
    task_id = record(backend)
    claim = {
        "id": lambda: backend.claim("w", [task_id]).jobs,
        "lane": lambda: stores.take("w", [IO], 10).jobs,
    }[by]
    with transaction.atomic(using=backend.alias):
        rescue(backend, "w")
        claimed = elsewhere(claim)
        held_up()
        assert not claimed.done()
    assert claimed.result(10) == []
    assert status_of(backend, task_id) is TaskStatus.PENDING


def test_a_rescue_that_is_rolled_back_costs_a_claim_nothing(backend, elsewhere, held_up):
    enlist(backend, "w")
    task_id = record(backend)
    with transaction.atomic(using=backend.alias):
        rescue(backend, "w")
        claimed = elsewhere(lambda: backend.claim("w", [task_id]).jobs)
        held_up()
        transaction.set_rollback(True, using=backend.alias)
    assert [job.task_id for job in claimed.result(10)] == [task_id]


def test_a_settlement_beside_a_rescue_that_is_not_committed_is_refused(backend, elsewhere, held_up):
    job = claim_new(backend, "w")
    with transaction.atomic(using=backend.alias):
        rescue(backend, "w")
        settled = elsewhere(lambda: backend.settle("w", [success(job)]))
        held_up()
    assert settled.result(10).accepted == set()
    assert status_of(backend, job.task_id) is TaskStatus.RETRYING


# Takers pass over each other's jobs


def test_two_takers_share_nothing_and_neither_waits(stores, backend, elsewhere):
    enlist(backend, "a", "b")
    task_ids = record_many(backend, 10)
    with transaction.atomic(using=backend.alias):
        mine = {job.task_id for job in stores.take("a", [IO], 6).jobs}
        others = {
            job.task_id for job in elsewhere(lambda: stores.take("b", [IO], 6)).result(5).jobs
        }
    assert mine == set(task_ids[:6])
    assert others == set(task_ids[6:])


def test_a_long_transaction_around_other_jobs_holds_no_taker_up(stores, backend, elsewhere):
    enlist(backend, "a")
    cancelled, free = record(backend), record(backend)
    with transaction.atomic(using=backend.alias):
        backend.cancel([cancelled])
        record(backend)
        taken = elsewhere(lambda: stores.take("a", [IO], 6)).result(5)
    assert [job.task_id for job in taken.jobs] == [free]


def test_old_jobs_are_pruned_beside_a_transaction_that_holds_some(backend, clock, elsewhere):
    jobs = [claim_new(backend, "w") for _ in range(3)]
    backend.settle("w", [success(job) for job in jobs])
    clock.advance(100)
    with transaction.atomic(using=backend.alias):
        backend.retry([jobs[0].task_id])
        assert elsewhere(lambda: backend.prune(50, 10)).result(5) == 2


# Lost connections


@pytest.mark.parametrize(
    "call",
    [
        lambda backend: backend.beat("w"),
        lambda backend: len(backend.beats()),
        lambda backend: len(backend.results(["nobody"])) + 1,
        lambda backend: len(backend.settled_among(["nobody"])),
        lambda backend: len(backend.queues()) + 1,
    ],
    ids=["beat", "beats", "results", "settled_among", "queues"],
)
def test_a_call_whose_connection_was_ended_is_an_outage_and_the_next_one_does(
    backend, end_connection, call
):
    enlist(backend, "w")
    end_connection()
    with pytest.raises(DatabaseError) as caught:
        call(backend)
    assert backend.is_outage(caught.value)
    assert not backend.is_busy(caught.value)
    assert call(backend) == 1


def test_a_connection_that_ends_inside_a_transaction_leaves_nothing_and_is_an_outage(
    backend, end_connection
):
    job = claim_new(backend, "w")
    with pytest.raises(DatabaseError) as caught, backend.engine.writing():
        backend.settle("w", [success(job)])
        end_connection()
        backend.beat("w")
    assert backend.is_outage(caught.value)
    assert status_of(backend, job.task_id) is TaskStatus.RUNNING


@pytest.mark.parametrize(
    ("option", "value"), [("PORT", 1), ("USER", "nobody_at_all"), ("NAME", "nothing_at_all")]
)
def test_a_server_that_cannot_be_logged_in_to_is_an_outage(backend, monkeypatch, option, value):
    connection = connections[backend.alias]
    connection.close()
    with monkeypatch.context() as patch, pytest.raises(OperationalError) as caught:
        patch.setitem(connection.settings_dict, option, value)
        backend.beat("w")
    assert backend.is_outage(caught.value)
    assert backend.beat("w") is False


# What errors mean


def test_a_database_that_is_closed_to_writes_is_an_outage(backend, elsewhere, vendor):
    def record_where_closed():
        ask(backend, CLOSED_TO_WRITES[vendor])
        record(backend)

    error = elsewhere(record_where_closed).exception(10)
    assert backend.is_outage(error)
    assert not backend.is_busy(error)


def test_a_lock_that_is_not_had_in_time_is_busy(backend, elsewhere, vendor):
    enlist(backend, "w")

    def beat_impatiently():
        ask(backend, IMPATIENT[vendor])
        backend.beat("w")

    with transaction.atomic(using=backend.alias):
        backend.beat("w")
        error = elsewhere(beat_impatiently).exception(10)
    assert backend.is_busy(error)
    assert not backend.is_outage(error)


def seconds_of(call):
    started = time.monotonic()
    return call(), time.monotonic() - started


@pytest.mark.parametrize("make", [success, give_back])
def test_what_an_open_transaction_has_locked_is_left_for_later_and_the_rest_written(
    stores, backend, elsewhere, make
):
    items = [make(claim_new(backend, "w")) for _ in range(5)]
    ids = [item.job.task_id for item in items]
    write = stores.settle if make is success else stores.release
    with transaction.atomic(using=backend.alias):
        backend.cancel(ids[2:3])
        written, seconds = elsewhere(lambda: seconds_of(lambda: write("w", items))).result(20)
        assert (written.accepted, written.locked) == ({*ids} - {ids[2]}, {ids[2]})
        assert 1 < seconds < 5
        again = elsewhere(lambda: seconds_of(lambda: write("w", items[2:3])))
        written, seconds = again.result(20)
        assert (written.accepted, written.locked) == (set(), {ids[2]})
        assert seconds < 1, "what is known to be locked is not waited for again"
    written = write("w", items[2:3])
    assert (written.accepted, written.locked) == ({ids[2]}, set())


def test_what_a_locked_job_tells_of_itself_is_left_for_later_and_the_rest_written(
    stores, backend, elsewhere
):
    jobs = [claim_new(backend, "w") for _ in range(3)]
    told = Progress(done=1, total=2, message="", at=backend.now())
    reports = [Report(job=job, progress=told) for job in jobs]
    with transaction.atomic(using=backend.alias):
        backend.cancel([jobs[1].task_id])
        locked = elsewhere(lambda: stores.report("w", reports)).result(20)
    assert locked == {jobs[1].task_id}
    results = backend.results([job.task_id for job in jobs])
    assert [results[job.task_id].progress for job in jobs] == [told, None, told]
    assert stores.report("w", reports[1:2]) == set()


async def test_a_transaction_that_cancels_what_runs_holds_up_that_job_alone(backend, elsewhere):
    url = f"django://{backend.alias}"
    executor = IOExecutor(Config(broker=BrokerConfig(url), backend=BackendConfig(url)))
    is_open, is_to_end = threading.Event(), threading.Event()
    may_end = asyncio.Event()

    @executor.task(max_retries=0)
    async def unwanted():
        await may_end.wait()
        current_job().log("a last word")

    @executor.task()
    async def other(number):
        return number

    def cancel(task_id):
        with transaction.atomic(using=backend.alias):
            backend.cancel([task_id])
            is_open.set()
            is_to_end.wait(30)

    async with executor:
        task_id = await executor.submit(unwanted)
        await eventually(lambda: executor.consumer.running)
        cancelling = elsewhere(lambda: cancel(task_id))
        await asyncio.to_thread(is_open.wait, 10)
        may_end.set()
        for n in range(3):
            ended = await executor.wait_for_result(await executor.submit(other, n), timeout=10)
            assert ended.result == n
        assert (await executor.get_result(task_id)).status == "running"
        is_to_end.set()
        await asyncio.wrap_future(cancelling)
        result = await executor.wait_for_result(task_id, timeout=10)
    assert [line.text for line in result.log] == ["a last word"]


CHANGES = {
    "cancel": lambda backend, ids: backend.cancel(ids),
    "retry": lambda backend, ids: backend.retry(ids),
    "run_now": lambda backend, ids: backend.run_now(ids),
    "delete": lambda backend, ids: backend.delete(ids),
}


@pytest.mark.parametrize("name", CHANGES)
def test_who_changes_many_jobs_locks_them_in_their_order(backend, elsewhere, held_up, vendor, name):
    if vendor == "mysql":
        pytest.skip("It locks rows in the order in which its indexes have them.")
    ids = record_many_backwards(backend, 20)
    if name == "retry":
        backend.cancel(ids)

    def change_by_index():
        for scan in ("seqscan", "bitmapscan"):
            ask(backend, f"SET enable_{scan} = off")
        return CHANGES[name](backend, ids)

    with transaction.atomic(using=backend.alias):
        lock = "SELECT 1 FROM flowrra_django_taskrecord WHERE task_id = %s FOR UPDATE"
        ask(backend, lock, [ids[0]])
        changing = elsewhere(change_by_index)
        held_up()
        ask(backend, f"{lock} NOWAIT", [ids[-1]])
    assert len(changing.result(10)) == 20


def test_who_cancels_beside_a_worker_that_settles_sees_no_deadlock(stores, backend):
    for _ in range(10):
        ids = record_many_backwards(backend, 20)
        enlist(backend, "w")
        jobs = backend.claim("w", ids).jobs
        settlements = [success(job) for job in jobs]

        def settle(settlements=settlements):
            with suppress(OperationalError):  # which a worker takes for a busy store
                stores.settle("w", settlements)

        at_once(stores, [lambda ids=ids: backend.cancel(ids), settle] * 2)


def record_many_backwards(backend, count):
    """Record jobs whose ids are in another order than they are."""
    prefix = uuid.uuid4().hex[:20]
    jobs = [new_job(backend, task_id=f"{prefix}{n:03}") for n in reversed(range(count))]
    backend.record(jobs)
    return [job.task_id for job in jobs]


def test_one_of_two_that_wait_for_each_other_finds_the_database_busy(backend, elsewhere):
    enlist(backend, "a", "b")
    both = threading.Barrier(2)

    def beat(first, second):
        with backend.engine.writing():
            backend.beat(first)
            both.wait(10)
            backend.beat(second)

    errors = [elsewhere(lambda names=names: beat(*names)) for names in ("ab", "ba")]
    (error,) = filter(None, [future.exception(10) for future in errors])
    assert backend.is_busy(error)
    assert not backend.is_outage(error)


@pytest.mark.parametrize("statement", ["SELECT 1 FROM nowhere", "SELECT nothing", "SELECT FROM"])
def test_a_mistake_is_neither_an_outage_nor_a_busy_store(backend, statement):
    with pytest.raises(DatabaseError) as caught:
        ask(backend, f"{statement} WHERE")
    assert not backend.is_outage(caught.value)
    assert not backend.is_busy(caught.value)


def test_errors_of_others_are_no_outage(backend):
    for error in (ValueError("away"), OSError(2013, "away")):
        assert not backend.is_outage(error)
        assert not backend.is_busy(error)
