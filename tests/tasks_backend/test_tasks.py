"""Tasks of our class: their options, and what is none."""

import functools
import pickle
import subprocess
import sys
from dataclasses import fields
from datetime import UTC, datetime, timedelta

import django
import pytest
from django.test.utils import override_settings

from flowrra_django import flowrra_task, runtime
from flowrra_django.job import Kind
from flowrra_django.policy import Backoff
from flowrra_django.registry import Options
from flowrra_django.testing import contract_tasks
from tests.tasks_backend.api import InvalidTask, InvalidTaskBackend, api, task, task_backends
from tests.testapp import builtin_tasks, tasks

BACKEND = "flowrra_django.tasks_backend.FlowrraBackend"


def plain(value=None):
    return value


async def coroutine(value=None):
    return value


def generator():
    yield


@pytest.fixture(autouse=True)
def _forget():
    """Leave the registry as it was."""
    before = set(runtime.registry.list_tasks())
    yield
    for name in set(runtime.registry.list_tasks()) - before:
        runtime.registry.unregister(name)
        runtime.senders.pop(name, None)


def definition(made):
    return runtime.registry.get(made.module_path)


def test_a_task_is_registered_when_it_is_decorated():
    made = task(plain)
    known = definition(made)
    assert (known.name, known.kind, known.queue) == (f"{__name__}.plain", Kind.THREAD, "default")
    assert isinstance(made, task_backends["default"].task_class)
    assert (known.max_retries, known.retry_delay, known.max_crashes) == (None, None, 3)


def test_a_coroutine_is_run_as_one():
    assert definition(task(coroutine)).kind is Kind.IO


def test_a_task_that_is_used_with_other_options_is_registered_once():
    made = task(priority=3)(plain)
    known = definition(made)
    made.using(priority=9, queue_name="mail", max_retries=0)
    assert definition(made) is known
    assert (known.priority, known.queue) == (-3, "default")


def test_options_of_the_decorator_reach_the_worker():
    options = {"max_retries": 5, "retry_delay": [1, 2], "timeout": 9, "max_crashes": 1}
    made = flowrra_task(
        backend="default", cpu_bound=True, give_up_on=KeyError, priority=-5, **options
    )(plain)
    known = definition(made)
    assert {name: getattr(known, name) for name in options} == options
    assert {name: getattr(made, name) for name in options} == options
    assert (known.kind, known.give_up_on, known.priority) == (Kind.CPU, KeyError, 5)


@pytest.mark.skipif(django.VERSION < (6, 1), reason="Django's decorator refuses them before 6.1.")
def test_djangos_own_decorator_takes_the_options_too():
    made = task(cpu_bound=True, max_retries=5)(plain)
    assert (definition(made).kind, definition(made).max_retries) == (Kind.CPU, 5)
    with pytest.raises(TypeError, match="run_after"):
        task(run_after=datetime.now(UTC))(plain)


def test_a_mistyped_option_is_refused():
    with pytest.raises(TypeError, match="max_retrys"):
        flowrra_task(backend="default", max_retrys=5)(plain)
    with pytest.raises(TypeError, match="max_retrys"):
        contract_tasks.add.using(max_retrys=5)


def test_using_takes_the_options_too_and_leaves_the_task_as_it_is():
    used = contract_tasks.add.using(max_retries=9, timeout=3.5).using(cpu_bound=True, priority=2)
    assert (used.max_retries, used.timeout, used.cpu_bound, used.priority) == (9, 3.5, True, 2)
    assert contract_tasks.add.max_retries is None
    same = contract_tasks.add.using()
    assert same == contract_tasks.add
    assert same is not contract_tasks.add


@pytest.mark.parametrize(
    ("func", "options"),
    [
        (plain, {"max_retries": -1}),
        (plain, {"retry_delay": -1}),
        (plain, {"timeout": 0}),
        (plain, {"retry_on": "KeyError"}),
        (coroutine, {"cpu_bound": True}),
        (generator, {}),
        (plain, {"queue_name": "nowhere"}),
        (plain, {"priority": 101}),
        (functools.partial(plain), {}),
        (lambda: None, {}),
    ],
)
def test_what_is_no_task_is_refused(func, options):
    if getattr(func, "__name__", "") == "<lambda>":
        func.__qualname__ = "outer.<locals>.<lambda>"
    with pytest.raises(InvalidTask):
        flowrra_task(backend="default", **options)(func)
    assert f"{__name__}.plain" not in runtime.registry


@pytest.mark.parametrize("options", [{"retry_on": KeyError}, {"give_up_on": KeyError}])
def test_what_cannot_travel_with_a_job_is_for_the_decorator(options):
    with pytest.raises(TypeError, match="decorator"):
        contract_tasks.add.using(**options)
    with pytest.raises(TypeError, match="decorator"):
        contract_tasks.add.using(retry_delay=Backoff())


def test_a_timedelta_is_a_time_to_run_after():
    used = contract_tasks.add.using(run_after=timedelta(hours=1))
    assert used.run_after == timedelta(hours=1)
    assert used.using(priority=3).run_after == timedelta(hours=1)
    with pytest.raises(InvalidTask, match="Queue"):
        used.using(queue_name="nowhere")


def test_a_queue_name_that_the_ledger_could_not_keep_is_refused():
    assert contract_tasks.add.using(backend="any", queue_name="q" * 100)
    with pytest.raises(InvalidTask, match="100 characters"):
        contract_tasks.add.using(backend="any", queue_name="q" * 101)


def test_a_backend_that_is_not_in_the_settings_is_refused():
    with pytest.raises(InvalidTaskBackend):
        contract_tasks.add.using(backend="nobody")


def test_a_name_that_another_task_has_is_refused():
    flowrra_task(name=f"{__name__}.plain")(coroutine)
    with pytest.raises(InvalidTask, match="registered already"):
        task(plain)


@pytest.mark.skipif(django.VERSION < (6, 1), reason="Django's own pickle since 6.1.")
@pytest.mark.parametrize("name", ["send", "pid", "context_in_child"])
def test_tasks_can_be_pickled(name):
    made = getattr(builtin_tasks, name)
    assert pickle.loads(pickle.dumps(made)) == made
    used = made.using(max_retries=7, run_after=datetime(2030, 1, 1, tzinfo=UTC))
    assert pickle.loads(pickle.dumps(used)) == used


def test_a_task_is_still_its_function():
    assert contract_tasks.add.call(1, second=2) == contract_tasks.add.func(1, 2) == 3
    assert contract_tasks.add_in_coroutine.call(1, second=2) == 3
    assert contract_tasks.add.name == "add"


async def test_a_task_can_be_awaited_here():
    assert await contract_tasks.add.acall(1, second=2) == 3
    assert await contract_tasks.add_in_coroutine.acall(1) == 1


# What @flowrra_task returns, where Django's own is expected


def test_with_a_backend_it_is_one_of_djangos():
    assert isinstance(builtin_tasks.pid, task_backends["default"].task_class)
    base = type(builtin_tasks.pid).__mro__
    assert any(cls.__module__ in {"django.tasks.base", "django_tasks.base"} for cls in base)


def test_without_one_it_has_all_that_djangos_has():
    ours, theirs = tasks.double, contract_tasks.add
    names = [name for name in dir(theirs) if name[0] != "_"]
    options = {field.name for field in fields(Options)}
    missing = [name for name in names if not hasattr(ours, name)]
    assert set(missing) <= options | {"cpu_bound", "key", "dialect"}
    assert (ours.module_path, ours.queue_name) == (ours.name, "default")
    assert ours.using(priority=-7, queue_name="mail").priority == 7
    assert ours.using(priority=-7000).priority == 100
    assert ours.using(queue_name="mail").queue_name == "mail"
    assert ours.get_backend() is task_backends["default"]
    assert ours.call(4) == 8


async def test_without_one_it_can_be_awaited_too():
    assert (await tasks.add.acall(1, 2), await tasks.double.acall(2)) == (3, 4)


def test_the_backend_is_no_model_and_no_store():
    """Tasks are decorated while apps are still being loaded."""
    script = f"""
from django.conf import settings
settings.configure(TASKS={{"default": {{"BACKEND": "{BACKEND}"}}}})
import sys
from {api.__name__} import task
def f(): pass
task(f)
assert "flowrra_django.models" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


# Checks


def messages(**changes):
    with override_settings(TASKS={"default": {"BACKEND": BACKEND, **changes}}):
        return [(m.id, m.msg) for m in task_backends["default"].check()]


def test_right_settings_bring_no_message():
    assert messages() == messages(QUEUES=["a", "b"]) == messages(QUEUES=[], OPTIONS={}) == []


@pytest.mark.parametrize(
    ("changes", "expected", "words"),
    [
        ({"QUEUES": "mail"}, "flowrra_django.E010", "is a list of names, got 'mail'"),
        ({"QUEUES": ["mail", 3]}, "flowrra_django.E010", "is a list of names"),
        ({"OPTIONS": {"url": "x"}}, "flowrra_django.E010", "['OPTIONS'] has 'url'"),
        ({"ENQUEUE_ON_COMMIT": False}, "flowrra_django.W010", "'ENQUEUE_ON_COMMIT'"),
    ],
)
def test_wrong_settings_bring_a_message(changes, expected, words):
    ((number, text),) = messages(**changes)
    assert number == expected
    assert words in text


def test_the_app_has_to_be_installed(settings):
    settings.INSTALLED_APPS = [a for a in settings.INSTALLED_APPS if a != "flowrra_django"]
    assert [number for number, _ in messages()] == ["flowrra_django.E010"]
