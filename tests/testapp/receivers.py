"""Receivers that note, in the file that the environment names, what they are told and where."""

import asyncio
import json
import logging
import os
import sys
import time
import traceback
from importlib import import_module

from django.contrib.auth.models import Group

from flowrra_django import signals

logger = logging.getLogger(__name__)


def note(**seen):
    with open(os.environ["FLOWRRA_TEST_NOTES"], "a") as file:
        file.write(json.dumps(seen) + "\n")


def is_on_a_loop():
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def note_of(name, sender, task_result):
    note(
        signal=name,
        sender=getattr(sender, "name", str(sender)),
        task_id=task_result.task_id,
        status=task_result.status,
        result=task_result.result,
        attempts=task_result.attempts,
        error="".join(traceback.format_exception(sys.exc_info()[1])) if sys.exc_info()[1] else "",
        groups=Group.objects.count(),
        is_on_a_loop=is_on_a_loop(),
        pid=os.getpid(),
    )


def enqueued(sender, task_result, **kwargs):
    note_of("enqueued", sender, task_result)


def started(sender, task_result, **kwargs):
    note_of("started", sender, task_result)


def finished(sender, task_result, **kwargs):
    note_of("finished", sender, task_result)


def raise_error(sender, **kwargs):
    raise ValueError("a receiver's own")


def exit_at_once(sender, **kwargs):
    raise SystemExit(3)


def hang(sender, **kwargs):
    time.sleep(3600)


KINDS = {
    "note": (enqueued, started, finished),
    "raise": (raise_error,) * 3,
    "exit": (exit_at_once,) * 3,
    "hang": (hang,) * 3,
}

for kind in filter(None, os.environ.get("FLOWRRA_TEST_RECEIVERS", "").split(",")):
    signals.task_enqueued.connect(KINDS[kind][0])
    signals.task_started.connect(KINDS[kind][1])
    signals.task_finished.connect(KINDS[kind][2])


def note_of_django(name, sender, task_result):
    error = sys.exc_info()[1]
    note(
        signal=name,
        sender=f"{sender.__module__}.{sender.__qualname__}",
        task_id=task_result.id,
        status=str(task_result.status),
        attempts=task_result.attempts,
        errors=len(task_result.errors),
        returned=task_result._return_value,
        enqueued=task_result.enqueued_at is not None,
        error="".join(traceback.format_exception(error)) if error else "",
        groups=Group.objects.count(),
        is_on_a_loop=is_on_a_loop(),
    )


def django_enqueued(sender, task_result, **kwargs):
    note_of_django("enqueued", sender, task_result)


def django_started(sender, task_result, **kwargs):
    note_of_django("started", sender, task_result)


def django_finished(sender, task_result, **kwargs):
    note_of_django("finished", sender, task_result)


if module := os.environ.get("FLOWRRA_TEST_DJANGO_SIGNALS"):
    django_signals = import_module(module)
    django_signals.task_enqueued.connect(django_enqueued)
    django_signals.task_started.connect(django_started)
    django_signals.task_finished.connect(django_finished)
