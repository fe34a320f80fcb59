"""Django inside jobs: healthy connections of one's own, and nothing left behind for others."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group

from flowrra_django import TaskStatus
from tests.testapp import django_tasks as tasks

pytestmark = pytest.mark.django_db(transaction=True)

KINDS = ("io", "thread", "cpu")
HEALTHY = {
    "in_atomic_block": False,
    "autocommit": True,
    "language": "en-us",
    "time_zone": "Europe/Vienna",
    "written": 1,
}


def task(name: str, kind: str):
    return getattr(tasks, f"{name}_{kind}")


@pytest.mark.parametrize("kept", ["", "1"], ids=["closed after each job", "kept for long"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_a_job_leaves_behind_harms_none_that_follows_it(start_worker, kind, kept):
    mess, state = task("mess", kind), task("state", kind)
    messes, states = [], []
    for name in tasks.MESSES:
        messes.append(mess.enqueue(name))
        states.append(state.enqueue(f"after {name}"))
    one_slot = (f"--{kind}-workers", "1")
    start_worker("--burst", *one_slot, FLOWRRA_TEST_KEEP_CONNECTIONS=kept).wait()
    found = {name: handle.get() for name, handle in zip(tasks.MESSES, states, strict=True)}
    assert {n: (r.result, r.error) for n, r in found.items()} == dict.fromkeys(
        tasks.MESSES, (HEALTHY, None)
    )
    assert all(handle.get().status.is_final for handle in messes)
    assert set(Group.objects.values_list("name", flat=True)) == {f"after {n}" for n in tasks.MESSES}


@pytest.mark.parametrize("kind", ["io", "thread"])
def test_jobs_that_run_at_once_have_connections_of_their_own(start_worker, kind):
    handles = [task("connection", kind).enqueue() for _ in range(4)]
    start_worker("--burst").wait()
    assert len({handle.get().result for handle in handles}) == 4


def test_model_instances_travel_as_arguments_and_results(start_worker):
    handles = {k: task("rename", k).enqueue(Group.objects.create(name=f"g-{k}")) for k in KINDS}
    start_worker("--burst").wait()
    for kind, handle in handles.items():
        assert handle.get().result == Group.objects.get(name=f"g-{kind} of {kind}")


def test_a_job_whose_row_is_gone_fails_and_says_so(start_worker):
    groups = {kind: Group.objects.create(name=kind) for kind in KINDS}
    handles = [task("rename", kind).enqueue(group) for kind, group in groups.items()]
    pks = [group.pk for group in groups.values()]
    Group.objects.all().delete()
    start_worker("--burst").wait()
    results = [handle.get() for handle in handles]
    assert {result.status for result in results} == {TaskStatus.FAILED}
    for pk, result in zip(pks, results, strict=True):
        assert result.error.startswith(f"auth.group:{pk}@default cannot be loaded: it is gone")


def test_a_result_whose_row_is_gone_is_still_told_of(start_worker):
    group = Group.objects.create(name="g")
    handle, pk = tasks.rename_thread.enqueue(group), group.pk
    start_worker("--burst").wait()
    Group.objects.all().delete()
    result = handle.get()
    assert result.is_success
    assert str(result.result) == f"auth.group:{pk}@default"
