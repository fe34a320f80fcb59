"""Tasks by name."""

import functools

import pytest

from flowrra_django.exceptions import TaskNotFoundError
from flowrra_django.job import Job, Kind
from flowrra_django.registry import KEPT_CHANGES, Task, TaskRegistry, kind_of


def plain():
    pass


async def coroutine():
    pass


def generator():
    yield


async def async_generator():
    yield


class Callable:
    def __call__(self):
        pass

    def method(self):
        pass

    async def async_method(self):
        pass


@pytest.fixture
def registry():
    return TaskRegistry()


# What kind of code it is


@pytest.mark.parametrize(
    ("func", "cpu_bound", "kind"),
    [
        (plain, False, Kind.THREAD),
        (plain, True, Kind.CPU),
        (coroutine, False, Kind.IO),
        (lambda: None, False, Kind.THREAD),
        (Callable().method, False, Kind.THREAD),
        (Callable().async_method, False, Kind.IO),
        (functools.wraps(plain)(lambda: None), False, Kind.THREAD),
        (print, False, Kind.THREAD),
    ],
)
def test_the_kind_of_a_function_is_seen(func, cpu_bound, kind):
    assert kind_of(func, cpu_bound=cpu_bound) is kind


@pytest.mark.parametrize(
    ("func", "cpu_bound", "words"),
    [
        (coroutine, True, "CPU-bound task coroutine must be a plain function, not a coroutine"),
        (generator, False, "Task generator is a generator; a task returns one value"),
        (async_generator, False, "Task async_generator is a generator"),
        ("plain", False, "A task must be a function with a name, got str"),
        (None, False, "A task must be a function with a name, got NoneType"),
        (Callable(), False, "A task must be a function with a name, got Callable"),
        (functools.partial(plain), False, "A task must be a function with a name, got partial"),
    ],
)
def test_what_cannot_be_run_is_refused(registry, func, cpu_bound, words):
    with pytest.raises(TypeError, match=words):
        registry.task(cpu_bound=cpu_bound)(func)
    assert len(registry) == 0


# The decorator


def test_the_function_comes_back_unchanged_and_is_registered_under_its_name(registry):
    assert registry.task()(plain) is plain
    task = registry.get("plain")
    assert task == Task(name="plain", func=plain, kind=Kind.THREAD)
    assert (task.queue, task.priority, task.max_crashes) == ("default", 0, 3)
    assert (task.max_retries, task.retry_delay) == (None, None)


def test_options_are_the_tasks_fields(registry):
    options = {"queue": "mail", "priority": 3, "max_retries": 0, "retry_delay": 0.5}
    registry.task("named", cpu_bound=True, max_crashes=1, **options)(plain)
    expected = Task(name="named", func=plain, kind=Kind.CPU, max_crashes=1, **options)
    assert registry.get("named") == expected
    assert expected.path == f"{__name__}:plain"


def test_an_unknown_option_is_refused(registry):
    with pytest.raises(TypeError, match="colour"):
        registry.task(colour="red")(plain)


def test_a_decorator_without_its_parentheses_is_refused(registry):
    with pytest.raises(TypeError, match=r"Write @task\(\) above .*plain"):
        registry.task(plain)


@pytest.mark.parametrize("option", ["max_retries", "retry_delay", "max_crashes"])
def test_a_negative_option_is_refused(registry, option):
    with pytest.raises(ValueError, match=f"{option} of task 'plain' must be 0 or more, got -1"):
        registry.task(**{option: -1})(plain)


def test_a_queue_without_a_name_is_refused(registry):
    with pytest.raises(ValueError, match="Task 'plain' needs a queue name that is not empty"):
        registry.task(queue="")(plain)


# Names and functions


def test_tasks_are_found_by_name_and_by_function(registry):
    registry.task("named")(plain)
    registry.task()(coroutine)
    assert registry.find(plain) is registry.get_or_raise("named") is registry.get("named")
    assert registry.is_registered("coroutine")
    assert "named" in registry
    assert registry.list_tasks() == ["named", "coroutine"]
    assert [task.name for task in registry] == ["named", "coroutine"]
    assert len(registry) == 2


def test_what_is_not_registered_is_not_found_and_the_error_says_what_to_do(registry):
    assert registry.get("plain") is None
    assert not registry.is_registered("plain")
    assert "plain" not in registry
    for look, name in ((registry.get_or_raise, "plain"), (registry.find, plain)):
        with pytest.raises(TaskNotFoundError, match="Import its module, or add its app") as caught:
            look(name)
        assert caught.value.task_name == "plain"
        assert isinstance(caught.value, LookupError)


def test_a_name_that_another_function_has_is_refused(registry):
    registry.task("name")(plain)
    with pytest.raises(ValueError, match=r"'name' is registered already, by .*:plain. Give"):
        registry.task("name")(coroutine)
    assert registry.get("name").func is plain


def test_the_same_function_imported_anew_takes_the_place_of_its_old_self(registry):
    def version():
        def reloaded():
            pass

        return reloaded

    old, new = version(), version()
    registry.task(max_retries=1)(old)
    registry.task(max_retries=2)(new)
    assert registry.get("reloaded").func is new
    assert registry.find(old) is registry.find(new)
    assert len(registry) == 1


def test_what_is_forgotten_is_not_found_under_any_of_its_selves(registry):
    def version():
        def reloaded():
            pass

        return reloaded

    old, new = version(), version()
    for func in (old, new):
        registry.task()(func)
    assert registry.unregister("reloaded") is True
    assert registry.unregister("reloaded") is False
    for func in (old, new):
        with pytest.raises(TaskNotFoundError):
            registry.find(func)
    registry.task()(old)
    assert registry.find(old).func is old


def test_a_function_with_two_names_keeps_the_one_that_is_left(registry):
    for name in ("one", "two"):
        registry.task(name)(plain)
    registry.task()(coroutine)
    assert registry.find(plain).name == "two"
    registry.unregister("two")
    assert registry.find(plain).name == "one"
    assert registry.find(coroutine).name == "coroutine"
    registry.unregister("one")
    with pytest.raises(TaskNotFoundError):
        registry.find(plain)


def test_tasks_may_be_registered_while_one_looks_at_them(registry):
    registry.task("first")(plain)
    for number, _ in enumerate(registry):
        registry.task(f"more {number}")(plain)
    assert len(registry) == 2


# The task of a job


def job_with(**fields):
    return Job(task_id="x", kind=Kind.IO, args=[], kwargs={}, **{"task_name": "plain", **fields})


def test_a_job_that_says_nothing_has_its_task_as_it_is(registry):
    registry.task()(plain)
    assert registry.for_job(job_with()) is registry.get("plain")
    assert registry.for_job(job_with(task_name="nobody")) is None


def test_a_job_may_have_other_options_than_its_task(registry):
    registry.task(max_retries=1)(plain)
    meta = '{"options":{"kind":"cpu","max_retries":7,"retry_delay":[1,2]}}'
    changed = registry.for_job(job_with(meta=meta))
    assert (changed.kind, changed.max_retries, changed.retry_delay) == (Kind.CPU, 7, [1, 2])
    assert registry.for_job(job_with(meta=meta)) is changed
    assert registry.get("plain").max_retries == 1


def test_a_task_that_is_registered_anew_is_so_for_its_jobs_too(registry):
    job = job_with(meta='{"options":{"max_retries":7}}')
    registry.task(retry_delay=1)(plain)
    assert registry.for_job(job).retry_delay == 1
    registry.task(retry_delay=2)(plain)
    assert (registry.for_job(job).retry_delay, registry.for_job(job).max_retries) == (2, 7)


@pytest.mark.parametrize(
    "meta",
    [
        "",
        "[]",
        "nonsense",
        '{"options": null}',
        '{"options": [1]}',
        '{"options": {"func": "os.system"}}',
        '{"options": {"kind": "gpu"}}',
        '{"options": {"takes_job": true}}',
        '{"options": {"max_retries": -1}}',
        '{"options": {"max_retries": "many"}}',
        '{"options": {"retry_delay": {}}}',
    ],
)
def test_options_that_no_job_can_have_change_nothing(registry, meta):
    registry.task()(plain)
    assert registry.for_job(job_with(meta=meta)) == registry.get("plain")


def test_the_tasks_that_are_kept_for_jobs_do_not_grow_without_end(registry):
    registry.task()(plain)
    for number in range(KEPT_CHANGES + 10):
        registry.for_job(job_with(meta=f'{{"options":{{"max_retries":{number}}}}}'))
    assert len(registry._changed) <= KEPT_CHANGES
