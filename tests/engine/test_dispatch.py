"""The way in."""

from datetime import UTC, datetime, timedelta
from enum import IntEnum

import pytest

from flowrra_django.backends.memory import InMemoryBackend
from flowrra_django.brokers.memory import MemoryBroker
from flowrra_django.engine.dispatch import MAY_BE_THERE, Call, Dispatcher
from flowrra_django.engine.stores import Stores
from flowrra_django.job import Kind, Lane
from flowrra_django.registry import Task
from flowrra_django.results import TaskStatus
from flowrra_django.serialization import JsonCodec
from tests.executors.stores import SharedBackend


def func():
    pass


TASK = Task(name="shop.pay", func=func, kind=Kind.THREAD, queue="mail", priority=4, max_crashes=1)
LANE = Lane("mail", Kind.THREAD)


class Urgency(IntEnum):
    HIGH = -5


@pytest.fixture
def stores():
    backend = InMemoryBackend()
    return Stores(backend, MemoryBroker(backend))


@pytest.fixture
def dispatcher(stores):
    return Dispatcher(stores)


def test_a_call_becomes_a_waiting_job_with_the_options_of_its_task(stores, dispatcher):
    (task_id,) = dispatcher.enqueue([Call(task=TASK, args=(1,), kwargs={"to": "x"})])
    result = stores.result(task_id)
    assert (result.status, result.task_name) == (TaskStatus.PENDING, "shop.pay")
    assert (result.args, dict(result.kwargs)) == ((1,), {"to": "x"})
    assert (result.queue, result.priority, result.run_after) == ("mail", 4, None)
    assert stores.broker.depth([LANE], 10) == 1


def test_a_call_may_have_options_of_its_own(stores, dispatcher):
    at = datetime(2040, 1, 1, tzinfo=UTC)
    call = Call(task=TASK, queue="slow", priority=0, run_after=at)
    (task_id,) = dispatcher.enqueue([call])
    result = stores.result(task_id)
    assert (result.queue, result.priority, result.run_after) == ("slow", 0, at)


def test_many_calls_are_recorded_in_one_go_and_told_in_their_order(stores, dispatcher):
    calls = [Call(task=TASK, args=(number,)) for number in range(50)]
    ids = dispatcher.enqueue(calls)
    assert len(set(ids)) == 50
    assert [stores.result(task_id).args for task_id in ids] == [(n,) for n in range(50)]
    assert stores.broker.depth([LANE], 100) == 50


def test_no_calls_are_no_jobs_and_ring_no_bell(stores, dispatcher):
    rung = []
    stores.broker.subscribe(lambda: rung.append(1))
    assert dispatcher.enqueue([]) == []
    assert rung == []


def test_a_ledger_that_cannot_join_the_transaction_learns_of_a_job_after_it_and_once(stores):
    commits = []
    dispatcher = Dispatcher(stores, after_commit=commits.append)
    (task_id,) = dispatcher.enqueue([Call(task=TASK)])
    assert stores.backend.results([task_id]) == {}
    (record,) = commits
    record()
    record()
    assert stores.result(task_id).status is TaskStatus.PENDING
    assert stores.broker.depth([LANE], 10) == 1


def test_the_index_learns_of_a_job_after_the_commit(stores, monkeypatch):
    monkeypatch.setattr(stores.backend, "joins_transactions", True, raising=True)
    commits = []
    dispatcher = Dispatcher(stores, after_commit=commits.append)
    (task_id,) = dispatcher.enqueue([Call(task=TASK)])
    assert stores.result(task_id).status is TaskStatus.PENDING
    assert stores.broker.depth([LANE], 10) == 0
    (push,) = commits
    push()
    assert stores.broker.depth([LANE], 10) == 1


def test_what_the_ledger_cannot_carry_is_refused_with_all_that_came_along(stores, dispatcher):
    stores.backend.codec = JsonCodec()
    calls = [Call(task=TASK, args=(1,)), Call(task=TASK, kwargs={"when": [0, {object()}]})]
    with pytest.raises(TypeError, match=r"kwargs\['when'\]\[1\]"):
        dispatcher.enqueue(calls)
    assert stores.backend.waiting([LANE], 10) == []


@pytest.mark.parametrize(
    ("text", "fits"), [("x" * 80, True), ("x" * 97, False), ("ü" * 40, True), ("€" * 33, False)]
)
def test_arguments_may_take_so_many_bytes(stores, text, fits):
    stores.backend.codec = JsonCodec()
    dispatcher = Dispatcher(stores, max_payload_bytes=100)
    call = Call(task=TASK, args=(text,))
    if fits:
        assert dispatcher.enqueue([call])
        return
    with pytest.raises(ValueError, match=r"task 'shop.pay' take \d+ bytes, and the limit is 100"):
        dispatcher.enqueue([call])
    assert stores.backend.waiting([LANE], 10) == []


def test_what_memory_keeps_is_of_any_size(stores):
    assert Dispatcher(stores, max_payload_bytes=1).enqueue([Call(task=TASK, args=("x" * 99,))])


@pytest.mark.parametrize("priority", ["1", 1.0, object()])
def test_a_priority_that_is_no_integer_is_refused(stores, dispatcher, priority):
    with pytest.raises(TypeError, match="A priority is an integer, got"):
        dispatcher.enqueue([Call(task=TASK), Call(task=TASK, priority=priority)])
    assert stores.backend.waiting([LANE], 10) == []


@pytest.mark.parametrize("priority", [2**31, -(2**31), 10**30])
def test_a_priority_that_no_column_holds_is_refused(stores, dispatcher, priority):
    with pytest.raises(ValueError, match="A priority is from -2147483647 to 2147483647"):
        dispatcher.enqueue([Call(task=TASK, priority=priority)])
    assert stores.backend.waiting([LANE], 10) == []


@pytest.mark.parametrize("priority", [2**31 - 1, -(2**31) + 1, Urgency.HIGH])
def test_any_other_integer_is_a_priority(stores, dispatcher, priority):
    (task_id,) = dispatcher.enqueue([Call(task=TASK, priority=priority)])
    assert stores.result(task_id).priority == priority


def test_a_delay_counts_from_now(stores, dispatcher):
    (task_id,) = dispatcher.enqueue([Call(task=TASK, run_after=timedelta(minutes=5))])
    result = stores.result(task_id)
    assert result.run_after - result.submitted_at == timedelta(minutes=5)


class CutOff(SharedBackend):
    """Records jobs, and goes away before it says so."""

    reason: type[Exception] = ConnectionError

    def record(self, jobs):
        super().record(jobs)
        raise self.reason("the reply was lost")


@pytest.mark.parametrize("is_within", [False, True])
def test_an_error_after_which_the_job_may_be_there_says_so(is_within):
    backend = CutOff()
    backend.joins_transactions = is_within
    stores = Stores(backend, MemoryBroker(backend))
    with pytest.raises(ConnectionError) as caught:
        Dispatcher(stores).enqueue([Call(task=TASK)])
    assert caught.value.__notes__ == [MAY_BE_THERE]
    assert len(stores.backend.waiting([LANE], 10)) == 1


def test_an_error_that_is_no_outage_says_nothing_of_lost_replies():
    backend = CutOff()
    backend.reason = ValueError
    with pytest.raises(ValueError, match="lost") as caught:
        Dispatcher(Stores(backend, MemoryBroker(backend))).enqueue([Call(task=TASK)])
    assert not hasattr(caught.value, "__notes__")
