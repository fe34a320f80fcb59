"""Tasks that use Django, or leave it in a mess, in each kind of code."""

import asyncio
import os
import time
from pathlib import Path

from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.db import connection, connections, transaction
from django.utils import timezone, translation

from flowrra_django import flowrra_task

left_behind = []  # holds what a job forgot, so that nothing is tidied by accident


def leave_open_transaction():
    transaction.atomic().__enter__()
    Group.objects.create(name="never committed")


def leave_broken_transaction():
    transaction.atomic().__enter__()
    Group.objects.create(name="never committed either")
    transaction.set_rollback(True)
    Group.objects.count()


def leave_autocommit_off():
    transaction.set_autocommit(False)
    Group.objects.create(name="forgotten")


def leave_open_cursor():
    cursor = connection.cursor()
    cursor.execute("SELECT a.name FROM auth_group a, auth_group b, auth_group c")
    cursor.fetchone()
    left_behind.append(cursor)


def leave_dead_connection():
    connection.ensure_connection()
    connection.connection.close()


def leave_language_and_time_zone():
    translation.activate("fr")
    timezone.activate("Asia/Tokyo")


MESSES = {
    mess.__name__: mess
    for mess in (
        leave_open_transaction,
        leave_broken_transaction,
        leave_autocommit_off,
        leave_open_cursor,
        leave_dead_connection,
        leave_language_and_time_zone,
    )
}


def state(name):
    """Write, read back, and say in what state the job found things."""
    Group.objects.create(name=name)
    return {
        "in_atomic_block": connection.in_atomic_block,
        "autocommit": connection.get_autocommit(),
        "language": translation.get_language(),
        "time_zone": timezone.get_current_timezone_name(),
        "written": Group.objects.filter(name=name).count(),
    }


@flowrra_task(max_retries=0)
async def mess_io(name):
    await sync_to_async(MESSES[name])()


@flowrra_task(max_retries=0)
def mess_thread(name):
    MESSES[name]()


@flowrra_task(max_retries=0, cpu_bound=True)
def mess_cpu(name):
    MESSES[name]()


@flowrra_task(max_retries=0)
async def state_io(name):
    found = await sync_to_async(state)(name)
    group = await Group.objects.aget(name=name)
    return {**found, "written": int(group.name == name)}


@flowrra_task(max_retries=0)
def state_thread(name):
    return state(name)


@flowrra_task(max_retries=0, cpu_bound=True)
def state_cpu(name):
    return state(name)


@flowrra_task(max_retries=0)
async def rename_io(group):
    group.name = f"{group.name} of io"
    await group.asave()
    return group


@flowrra_task(max_retries=0)
def rename_thread(group):
    group.name = f"{group.name} of thread"
    group.save()
    return group


@flowrra_task(max_retries=0, cpu_bound=True)
def rename_cpu(group):
    group.name = f"{group.name} of cpu"
    group.save()
    return group


def connection_in_use():
    connection.ensure_connection()
    time.sleep(0.3)
    return id(connections["default"])


@flowrra_task(max_retries=0)
async def connection_io():
    return await sync_to_async(connection_in_use)()


@flowrra_task(max_retries=0)
def connection_thread():
    return connection_in_use()


@flowrra_task(max_retries=0, max_crashes=0)
def doze_once(seconds):
    time.sleep(seconds)


@flowrra_task(max_crashes=0)
async def block_the_loop(seconds):
    time.sleep(seconds)


@flowrra_task(max_crashes=1)
def doze_crashing(seconds):
    time.sleep(seconds)


@flowrra_task(max_crashes=0)
async def cancel_part_of_the_worker(name):
    for task in asyncio.all_tasks():
        if task.get_name() == name:
            task.cancel()
    return name


@flowrra_task(max_retries=0)
async def fork_io():
    return os.fork()


@flowrra_task(max_retries=0)
async def fork_io_and_wait():
    fork = os.fork()
    await asyncio.sleep(0.2)
    return fork


@flowrra_task(max_retries=0)
async def fork_io_within():
    return await asyncio.create_task(fork_io.__wrapped__())


@flowrra_task(max_retries=0)
def fork_thread():
    return os.fork()


@flowrra_task(max_retries=0, cpu_bound=True)
def fork_cpu():
    return os.fork()


@flowrra_task(max_retries=0)
async def note_process(path):
    """Add a line with the id of the process that runs this."""
    with Path(path).open("a") as notes:
        notes.write(f"{os.getpid()}\n")
