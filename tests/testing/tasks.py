"""What the tests of `flowrra_django.testing` enqueue."""

import asyncio
import os
import threading

from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, transaction
from django.utils import timezone, translation

from flowrra_django import flowrra_task, runtime

calls = []


@flowrra_task
def note(word, *, loud=False):
    """Append to `calls`, and return where and how this ran."""
    calls.append(word)
    return os.getpid(), threading.get_ident()


@flowrra_task(priority=-1)
def note_first(word):
    calls.append(word)


@flowrra_task(queue="mail")
def note_mail(word):
    calls.append(word)


@flowrra_task
async def note_async(word):
    await asyncio.sleep(0)
    calls.append(word)
    return threading.get_ident()


@flowrra_task(cpu_bound=True)
def note_cpu(word):
    calls.append(word)
    return os.getpid()


@flowrra_task(max_retries=2, retry_delay=3600)
def flaky(word, good_at):
    """Fail until called for the `good_at`th time; 0 is never."""
    calls.append(word)
    if calls.count(word) != good_at:
        raise ValueError(f"{word} failed")
    return word


@flowrra_task
def parent(words):
    for word in words:
        note.enqueue(word)
    calls.append("parent")


@flowrra_task
async def async_parent(words):
    for word in words:
        await note_async.aenqueue(word)
    calls.append("parent")


@flowrra_task
def endless(countdown=None):
    calls.append("again")
    endless.using(run_after=countdown).enqueue(countdown)


@flowrra_task
def group_name(group):
    return group.name


@flowrra_task
def make_group(name):
    Group.objects.create(name=name)


@flowrra_task
async def make_group_async(name):
    await sync_to_async(Group.objects.create)(name=name)
    return await Group.objects.acount()


@flowrra_task(max_retries=0)
def make_group_and_fail(name):
    Group.objects.create(name=name)
    raise ValueError(name)


@flowrra_task(max_retries=0)
def break_transaction(name):
    """Leave the connection in need of a rollback."""
    transaction.on_commit(lambda: calls.append("committed"))
    Group.objects.create(name=name)
    try:
        Group.objects.create(name=name)
    except IntegrityError:
        calls.append("broken")


@flowrra_task
def leave_open(name):
    transaction.atomic().__enter__()
    transaction.atomic().__enter__()
    Group.objects.create(name=name)


@flowrra_task
def switch_autocommit_off(name):
    transaction.set_autocommit(False)
    Group.objects.create(name=name)


@flowrra_task
def be_durable(name):
    with transaction.atomic(durable=True):
        Group.objects.create(name=name)


@flowrra_task
def act_on_commit():
    with transaction.atomic():
        transaction.on_commit(lambda: calls.append("first"))
        transaction.on_commit(lambda: transaction.on_commit(lambda: calls.append("nested")))
    try:
        with transaction.atomic():
            transaction.on_commit(lambda: calls.append("rolled back"))
            raise ValueError
    except ValueError:
        calls.append("code")


@flowrra_task(max_retries=0)
def fail_on_commit(robust):
    transaction.on_commit(lambda: 1 / 0, robust=robust)


@flowrra_task
def enqueue_on_commit():
    with transaction.atomic():
        transaction.on_commit(lambda: note.enqueue("from on_commit"))


@flowrra_task
def go_abroad():
    timezone.activate("Asia/Tokyo")
    translation.activate("ja")


@flowrra_task
async def go_abroad_async():
    timezone.activate("Asia/Tokyo")
    translation.activate("ja")


@flowrra_task
def press_ctrl_c():
    raise KeyboardInterrupt


@flowrra_task(max_retries=0)
def leave_the_program():
    raise SystemExit(3)


@flowrra_task
def working():
    """Return the id and version of each worker that is enlisted."""
    beats = runtime.get_stores().backend.beats()
    return [[beat.worker.worker_id, beat.worker.version] for beat in beats]


@flowrra_task
def is_in_transaction():
    return connection.in_atomic_block


@flowrra_task(timeout=0.05, max_retries=0)
async def sleep_too_long():
    await asyncio.sleep(3600)
