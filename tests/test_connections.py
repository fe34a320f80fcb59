"""What is done to a thread's connections around a job."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import SyncToAsync, sync_to_async
from django.contrib.auth.models import Group
from django.db import connection, transaction

from flowrra_django.connections import OwnThread, fresh_connections

pytestmark = pytest.mark.django_db(transaction=True)


def on_a_thread(func: Callable[[], Any]) -> Any:
    """Call on a thread of its own, whose connection is closed in the end."""
    results = []

    def call() -> None:
        try:
            results.append(func())
        finally:
            connection.close()

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    return results[0]


def test_a_transaction_left_open_is_rolled_back_and_its_lock_let_go():
    def job() -> tuple[bool, bool]:
        with fresh_connections():
            transaction.atomic().__enter__()
            Group.objects.create(name="half done")
        return connection.in_atomic_block, Group.objects.filter(name="half done").exists()

    assert on_a_thread(job) == (False, False)
    Group.objects.create(name="the write lock is free")


def test_what_a_job_committed_stays():
    def job() -> None:
        with fresh_connections(), transaction.atomic():
            Group.objects.create(name="done")

    on_a_thread(job)
    assert Group.objects.filter(name="done").exists()


def test_nothing_is_left_open_when_the_job_raises():
    def job() -> bool:
        with pytest.raises(ValueError, match="midway"), fresh_connections():
            transaction.set_autocommit(False)
            Group.objects.create(name="half done")
            raise ValueError("midway")
        return connection.get_autocommit()

    assert on_a_thread(job) is True
    assert not Group.objects.exists()


def test_commit_hooks_of_a_transaction_left_open_are_never_run():
    called = []

    def job() -> None:
        with fresh_connections():
            transaction.atomic().__enter__()
            transaction.on_commit(lambda: called.append(1))
        with transaction.atomic():
            Group.objects.create(name="another job's")

    on_a_thread(job)
    assert called == []


async def test_coroutines_have_threads_of_their_own_which_end_with_them():
    async def job() -> int:
        async with OwnThread():
            await Group.objects.acount()
            await at_once.wait()
            return await sync_to_async(threading.get_ident)()

    at_once = asyncio.Barrier(3)
    before = len(SyncToAsync.context_to_thread_executor)
    assert len(set(await asyncio.gather(job(), job(), job()))) == 3
    assert len(SyncToAsync.context_to_thread_executor) == before


async def test_a_coroutine_that_makes_no_sync_call_costs_no_thread():
    before = threading.active_count()
    async with OwnThread():
        assert threading.active_count() == before


async def test_the_transaction_a_coroutine_left_open_is_rolled_back():
    def leave() -> None:
        transaction.atomic().__enter__()
        Group.objects.create(name="half done")

    async with OwnThread():
        await sync_to_async(leave)()
    assert await Group.objects.acount() == 0
    await Group.objects.acreate(name="the write lock is free")
