"""Every ledger with its index: unique jobs under many producers, and what the index learns."""

import threading
from functools import partial

import pytest
from django.db import DatabaseError, transaction

from flowrra_django.engine.dispatch import Call, Dispatcher
from flowrra_django.exceptions import AlreadyEnqueued
from flowrra_django.job import Kind, OnDuplicate
from flowrra_django.registry import Task
from flowrra_django.results import TaskStatus
from tests.contracts.acts import IO, at_once, enqueue, new_job, success
from tests.contracts.stores import DATABASES

RIVALS = 32

pytestmark = pytest.mark.usefixtures("worker")


async def func(number=0):
    pass


def call(**options):
    task = Task(name="tests.unique", func=func, kind=Kind.IO, unique=True, **options)
    return Call(task=task, args=(7,))


def take(stores, limit=100, worker="w"):
    """Take as a worker does: again, where the database has ended the transaction for another."""
    while True:
        try:
            return stores.take(worker, [IO], limit).jobs
        except DatabaseError as error:
            if not stores.may_pass(error):
                raise


def keyed(stores, *args, **options):
    return new_job(stores.backend, *args, unique_key="start:k", **options)


def record(stores, job):
    recorded = stores.record([job])
    stores.index(recorded)
    return recorded


def test_of_many_who_enqueue_the_same_at_once_one_does_and_all_have_its_id(stores):
    dispatcher = Dispatcher(stores)
    ids = at_once(stores, [partial(dispatcher.enqueue, [call()])] * RIVALS)
    assert len({task_id for (task_id,) in ids}) == 1
    assert [[job.task_id] for job in take(stores)] == [ids[0]]
    assert stores.broker.depth([IO], 10) == 0


def test_of_many_who_want_to_be_the_first_all_others_are_told(stores):
    dispatcher = Dispatcher(stores)

    def enter():
        try:
            return dispatcher.enqueue([call(on_duplicate="raise")])[0]
        except AlreadyEnqueued as error:
            return error

    entered = at_once(stores, [enter] * RIVALS)
    refusals = [each for each in entered if isinstance(each, AlreadyEnqueued)]
    (task_id,) = (each for each in entered if isinstance(each, str))
    assert {error.task_id for error in refusals} == {task_id}
    assert [job.task_id for job in take(stores)] == [task_id]


def test_many_batches_with_the_same_keys_at_once_make_one_job_of_each(stores):
    task = call().task
    calls = [Call(task=task, args=(number,)) for number in range(20)]
    batches = [calls[n:] + calls[:n] if n % 2 else calls for n in range(0, 16, 2)]
    dispatcher = Dispatcher(stores)
    at_once(stores, [partial(dispatcher.enqueue, batch) for batch in batches])
    args = [stores.backend.codec.decode(job.args) for job in take(stores)]
    assert sorted(args) == [[number] for number in range(20)]


def test_never_do_two_wait_or_run_while_many_enqueue_and_another_works(stores):
    dispatcher, is_over = Dispatcher(stores), threading.Event()
    enqueued, left = [], [3]

    def produce():
        for _ in range(25):
            enqueued.extend(dispatcher.enqueue([call()]))
        left[0] -= 1
        if not left[0]:
            is_over.set()

    def work():
        most = 0
        while not is_over.is_set() or stores.broker.depth([IO], 1):
            jobs = take(stores)
            most = max(most, len(jobs))
            stores.settle("w", [success(job) for job in jobs])
        return most

    *_, most = at_once(stores, [*[produce] * 3, work])
    assert most == 1
    results = stores.backend.results(set(enqueued))
    assert set(results) == set(enqueued)
    ends = {(each.status, each.attempts) for each in results.values()}
    assert ends == {(TaskStatus.SUCCESS, 1)}


def test_many_who_replace_and_one_who_takes_leave_the_last_content_in_a_job(stores):
    for turn in range(5):
        replacing = partial(keyed, stores, on_duplicate=OnDuplicate.REPLACE)
        jobs = [replacing(turn, number) for number in range(8)]
        *_, taken = at_once(
            stores, [*(partial(record, stores, job) for job in jobs), partial(take, stores)]
        )
        left = take(stores)
        assert len(taken) + len(left) in {1, 2}
        assert len({job.task_id for job in [*taken, *left]}) == len(taken) + len(left)
        assert stores.broker.depth([IO], 10) == 0


def test_the_index_learns_where_and_when_a_replaced_job_is_to_run(stores, clock):
    mail = IO._replace(queue="mail")
    first = keyed(stores, 1)
    record(stores, first)
    replacing = partial(keyed, stores, on_duplicate=OnDuplicate.REPLACE)
    record(stores, replacing(2, queue="mail", priority=-5))
    other = enqueue(stores, queue="mail")
    assert take(stores) == []
    assert stores.broker.depth([IO], 10) == 0
    assert [job.task_id for job in stores.take("w", [mail], 10).jobs] == [first.task_id, other]


@pytest.mark.parametrize("pair", DATABASES, indirect=True, ids=lambda pair: pair.name)
@pytest.mark.parametrize("keeps", [True, False])
def test_a_rival_waits_for_a_transaction_that_is_open_and_has_the_first_or_is_it(stores, keeps):
    dispatcher, alias = Dispatcher(stores), stores.backend.alias
    is_written, may_end = threading.Event(), threading.Event()

    def first():
        with transaction.atomic(using=alias):
            ids = dispatcher.enqueue([call()])
            is_written.set()
            assert may_end.wait(10)
            transaction.set_rollback(not keeps, using=alias)
        return ids

    def rival():
        assert is_written.wait(10)
        threading.Timer(0.2, may_end.set).start()
        ids = dispatcher.enqueue([call()])
        assert may_end.is_set()
        return ids

    mine, theirs = at_once(stores, [first, rival])
    assert (mine == theirs) is keeps
    assert set(stores.backend.results([*mine, *theirs])) == set(theirs)


@pytest.mark.parametrize("pair", DATABASES, indirect=True, ids=lambda pair: pair.name)
def test_a_duplicate_leaves_the_transaction_of_its_caller_whole(stores):
    dispatcher, alias = Dispatcher(stores), stores.backend.alias
    first = dispatcher.enqueue([call()])
    with transaction.atomic(using=alias):
        before = enqueue(stores)
        assert dispatcher.enqueue([call()]) == first
        with pytest.raises(AlreadyEnqueued):
            dispatcher.enqueue([call(on_duplicate="raise")])
        after = enqueue(stores)
        if alias != "default":  # on SQLite the transaction itself holds up all others
            assert [job.task_id for job in at_once(stores, [partial(take, stores)])[0]] == first
    assert set(stores.backend.results([before, after])) == {before, after}
