"""`manage.py flowrra`: what goes on, and what to do about it."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from flowrra_django import JobHandle, TaskStatus, count_jobs, runtime
from flowrra_django.backends.answers import WorkerInfo
from flowrra_django.engine.wiring import describe_self
from flowrra_django.models import TaskRecord
from flowrra_django.testing import run_jobs
from tests.support import until
from tests.testapp.tasks import add, fail, login

pytestmark = pytest.mark.django_db(transaction=True)

QUEUE = "night shift"


def flowrra(*words: str) -> str:
    out = io.StringIO()
    call_command("flowrra", *words, stdout=out)
    return out.getvalue()


def told(*words: str) -> Any:
    return json.loads(flowrra(*words, "--json"))


def enlist(**changes: Any) -> WorkerInfo:
    info = replace(describe_self(), **changes)
    runtime.get_stores().backend.enlist(info)
    return info


def row_of(rows: list[dict[str, Any]], **wanted: Any) -> dict[str, Any]:
    (row,) = (r for r in rows if wanted.items() <= r.items())
    return row


# What goes on


def test_queues_tell_what_waits_for_how_long_and_who_serves_it():
    enlist(queues=("default", QUEUE))
    add.using(queue=QUEUE).enqueue(1, 2)
    add.using(queue=QUEUE, run_after=timedelta(hours=1)).enqueue(1, 2)
    row = row_of(told("queues"), queue=QUEUE)
    assert (row["waiting"], row["workers"]) == (2, 1)
    assert 0 <= row["waited"] < 20
    assert row_of(told("queues"), queue="default")["waiting"] == 0


@pytest.mark.parametrize("hours", [-1, 1])
def test_for_how_long_is_told_by_the_clock_of_the_ledger(monkeypatch, hours):
    engine, off = runtime.get_stores().backend.engine, timedelta(hours=hours)
    monkeypatch.setattr(engine, "clock", lambda: datetime.now(UTC) + off)
    add.using(queue=QUEUE, run_after=timedelta(seconds=-7)).enqueue(1, 2)
    assert 7 <= row_of(told("queues"), queue=QUEUE)["waited"] < 27


def test_a_worker_that_names_no_queue_serves_all():
    enlist()
    add.using(queue=QUEUE).enqueue(1, 2)
    assert row_of(told("queues"), queue=QUEUE)["workers"] == 1


def test_workers_are_told_with_their_silence():
    info = enlist(host="web-2", queues=("mail",))
    row = row_of(told("workers"), worker=info.worker_id)
    assert (row["host"], row["queues"], row["alive"]) == ("web-2", "mail", True)
    assert "web-2" in flowrra("workers")


def test_tasks_are_told_with_the_first_line_of_their_documentation():
    row = row_of(told("tasks"), task=add.name)
    assert (row["kind"], row["queue"]) == ("io", "default")
    assert add.name in flowrra("tasks")


def test_a_job_is_told_whole():
    job = add.enqueue(1, 2)
    run_jobs()
    row = told("show", job.task_id)
    assert (row["status"], row["result"], row["args"]) == ("success", 3, [1, 2])
    assert "success" in flowrra("show", job.task_id)


def test_what_is_sensitive_in_a_job_is_masked():
    job = login.enqueue("ada", password="s3cr3t")
    assert told("show", job.task_id)["kwargs"] == {"password": "●●●"}
    assert "s3cr3t" not in flowrra("show", job.task_id)


def test_a_job_with_values_that_json_does_not_have_is_told_in_it():
    job = add.enqueue(2**70, {1: math.nan, "moment": timedelta(1), "half": "\ud800"})
    args = told("show", job.task_id)["args"]
    assert args == [2**70, {"1": "nan", "moment": "1 day, 0:00:00", "half": "\ud800"}]


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_job_whose_record_is_malformed_is_an_error_in_words(options):
    job = add.enqueue(1, 2)
    TaskRecord.objects.update(args='["x"')
    with pytest.raises(CommandError, match=f"The record of job {job.task_id} is malformed"):
        flowrra("show", job.task_id, *options)


def test_a_job_that_is_not_there_is_an_error_in_words():
    with pytest.raises(CommandError, match="No job with id 'nobody'"):
        flowrra("show", "nobody")


def test_the_status_begins_with_what_is_wrong():
    assert flowrra("status").startswith("No worker serves queue 'default'.")
    assert "No workers." in flowrra("status")
    info = enlist()
    assert flowrra("status").startswith("Nothing is wrong.")
    assert row_of(told("status")["workers"], worker=info.worker_id)


# The probe


def troubles() -> list[str]:
    """Probe, and return what is wrong."""
    out, code = io.StringIO(), 0
    try:
        call_command("flowrra", "health", "--max-wait", "5", "--json", stdout=out)
    except CommandError as error:
        code = error.returncode
    answer = json.loads(out.getvalue())
    assert answer["healthy"] is (code == 0) is (answer["troubles"] == [])
    return answer["troubles"]


def test_with_a_worker_for_each_queue_all_is_well():
    enlist()
    add.enqueue(1, 2)
    assert troubles() == []
    assert "Nothing is wrong." in flowrra("health")


def test_a_queue_without_a_worker_is_told():
    enlist(queues=("default", *{task.queue for task in runtime.registry}))
    add.using(queue=QUEUE).enqueue(1, 2)
    assert troubles() == [f"1 job waits for queue {QUEUE!r}, which no worker serves."]
    add.using(queue=QUEUE).enqueue(1, 2)
    assert troubles() == [f"2 jobs wait for queue {QUEUE!r}, which no worker serves."]


def test_a_job_that_has_waited_too_long_is_told():
    enlist()
    add.using(run_after=timedelta(seconds=-7)).enqueue(1, 2)
    (trouble,) = troubles()
    assert trouble.startswith("1 job waits for queue 'default', one of them for ")


def test_a_worker_that_is_silent_is_told(settings):
    settings.FLOWRRA = {"EXECUTOR": {"HEARTBEAT_INTERVAL": 0.05, "HEARTBEAT_TIMEOUT": 0.2}}
    info = enlist(host="web-2")
    until(lambda: any("has been silent" in trouble for trouble in troubles()))
    assert troubles()[0].startswith(f"Worker web-2:{info.pid} has been silent for ")
    assert troubles()[0].endswith(" s.")


def test_a_worker_that_is_silent_is_told_with_what_it_held(settings):
    settings.FLOWRRA = {"EXECUTOR": {"HEARTBEAT_INTERVAL": 0.05, "HEARTBEAT_TIMEOUT": 0.2}}
    info, stores = enlist(host="web-2"), runtime.get_stores()
    for held in ("1 job.", "2 jobs."):
        job = add.enqueue(1, 2)
        assert stores.backend.claim(info.worker_id, [job.task_id]).jobs
        until(lambda: any("has been silent" in trouble for trouble in troubles()))
        assert troubles()[0].endswith(f" s and held {held}")
    assert row_of(told("queues"), queue="default")["running"] == 2
    assert row_of(told("workers"), worker=info.worker_id)["running"] == 2


# What to do


def test_jobs_are_cancelled_and_run_again():
    first, second = add.enqueue(1, 2), add.enqueue(3, 4)
    assert first.task_id in flowrra("cancel", first.task_id)
    assert first.get().status is TaskStatus.CANCELLED
    assert second.get().status is TaskStatus.PENDING
    assert told("retry", first.task_id) == {"changed": [first.task_id], "left": []}
    run_jobs()
    assert first.get().result == 3


def test_a_job_that_waits_for_its_time_is_run_now():
    first, second = (add.using(run_after=timedelta(hours=1)).enqueue(1, n) for n in (2, 3))
    assert flowrra("run", first.task_id) == f"To run now: {first.task_id}.\n"
    assert told("run", "--task", add.name, "--yes") == {"found": 2, "changed": 2}
    run_jobs()
    assert [job.get().result for job in (first, second)] == [3, 4]
    with pytest.raises(CommandError, match="in no state for that"):
        flowrra("run", first.task_id)


def test_what_cannot_be_changed_is_named_and_the_rest_is_changed():
    job, other = add.enqueue(1, 2), "nobody"
    with pytest.raises(CommandError, match="in no state for that: nobody"):
        flowrra("cancel", other, job.task_id)
    assert job.get().status is TaskStatus.CANCELLED


def test_what_ended_a_while_ago_is_deleted():
    job = fail.using(queue="default").enqueue("no luck")
    run_jobs()
    waiting = add.enqueue(1, 2)
    assert told("prune") == {"pruned": 0}
    assert "Deleted 1 jobs" in flowrra("prune", "--older-than", "0")
    assert runtime.get_stores().backend.results([job.task_id]) == {}
    assert JobHandle(waiting.task_id).get().status is TaskStatus.PENDING


def test_what_is_kept_for_ever_is_pruned_only_by_an_age(settings):
    settings.FLOWRRA = {"BACKEND": {"URL": "django://default", "TTL": None}}
    with pytest.raises(CommandError, match="--older-than"):
        flowrra("prune")


def test_wrong_settings_are_told_as_such(settings):
    settings.FLOWRRA = {"BACKEND": "nowhere"}
    with pytest.raises(CommandError) as caught:
        flowrra("queues")
    assert caught.value.returncode == 2


def test_what_a_check_finds_is_told_with_the_exit_code_of_wrong_settings(settings):
    settings.FLOWRRA = {"NO_SUCH_KEY": 1}
    with pytest.raises(CommandError, match="NO_SUCH_KEY") as caught:
        flowrra("health")
    assert caught.value.returncode == 2


def test_queues_are_paused_and_resumed():
    enlist()
    add.using(queue=QUEUE).enqueue(1, 2)
    assert told("pause", QUEUE, "mail") == {"paused": ["mail", QUEUE]}
    assert row_of(told("queues"), queue=QUEUE)["paused"]
    assert f"1 job waits for queue {QUEUE!r}, which is paused." in troubles()
    assert flowrra("resume", "mail") == f"Paused: {QUEUE}.\n"
    assert flowrra("resume", QUEUE) == "No queue is paused.\n"


# Many jobs at once


@pytest.fixture
def answers(monkeypatch):
    """Type something when asked."""

    def type_in(text: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))

    return type_in


def failed(count: int, **options: Any) -> list[JobHandle]:
    jobs = fail.using(**options).enqueue_many([("no luck",)] * count)
    run_jobs()
    return jobs


def statuses(jobs: list[JobHandle]) -> list[str]:
    return [job.get().status for job in jobs]


def test_those_that_fit_are_counted_and_changed_after_a_yes(answers):
    here, there = failed(3, queue=QUEUE), failed(1, queue="mail")
    answers("y\n")
    out = flowrra("retry", "--queue", QUEUE)
    assert out == "Chosen: 3 jobs.\nRun them again? [y/N] To run again: 3 jobs.\n"
    assert statuses(here + there) == ["pending"] * 3 + ["failed"]


@pytest.mark.parametrize("answer", ["", "\n", "n\n", "yess\n"])
def test_without_a_yes_nothing_is_changed(answers, answer):
    jobs = failed(2, queue=QUEUE)
    answers(answer)
    with pytest.raises(CommandError, match=r"Nothing was changed\.|say --yes"):
        flowrra("delete", "--queue", QUEUE)
    assert statuses(jobs) == ["failed"] * 2


def test_with_yes_there_is_no_question(answers):
    jobs = failed(2, queue=QUEUE)
    answers("")
    out = flowrra("delete", "--status", "failed", "--status", "cancelled", "--yes")
    assert out == "Chosen: 2 jobs.\nDeleted: 2 jobs.\n"
    assert runtime.get_stores().backend.results([job.task_id for job in jobs]) == {}


def test_no_job_that_fits_is_no_question_and_no_error(answers):
    answers("")
    assert flowrra("retry", "--task", fail.name) == "Chosen: 0 jobs.\nTo run again: 0 jobs.\n"


def test_jobs_have_to_meet_all_that_is_said():
    jobs = add.using(queue=QUEUE).enqueue_many([(1, 2)] * 2)
    login.using(queue=QUEUE).enqueue("ada", password="s3cr3t")
    chosen = ("cancel", "--task", add.name, "--queue", QUEUE, "--queue", "mail", "--yes")
    assert told(*chosen, "--older-than", "3600") == {"found": 0, "changed": 0}
    assert told(*chosen, "--status", "retrying") == {"found": 0, "changed": 0}
    assert told(*chosen) == {"found": 2, "changed": 2}
    assert {job.get().cancelled_by for job in jobs} == {"command"}


def test_jobs_are_deleted_by_their_ids():
    first, second = add.enqueue_many([(1, 2), (3, 4)])
    assert told("delete", first.task_id) == {"changed": [first.task_id], "left": []}
    assert runtime.get_stores().backend.results([first.task_id]) == {}
    assert second.get().status is TaskStatus.PENDING


@pytest.mark.parametrize("act", ["retry", "cancel", "run", "delete"])
def test_no_id_and_no_filter_is_an_error_with_its_remedy(act):
    job = add.enqueue(1, 2)
    with pytest.raises(CommandError, match="Give ids, or at least one of --status, --task"):
        flowrra(act, "--yes")
    with pytest.raises(CommandError, match="by their ids or by --status"):
        flowrra(act, job.task_id, "--queue", "default", "--yes")
    assert job.get().status is TaskStatus.PENDING


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("retry", "--status", "running"), "choose from '?cancelled"),
        (("cancel", "--status", "failed"), "choose from '?pending"),
        (("delete", "--status", "running"), "choose from '?cancelled"),
        *((("cancel", "--older-than", age), "from 0 to") for age in ("nan", "inf", "-1", "1e300")),
        (("prune", "--older-than", "nan"), "from 0 to"),
        (("cancel", "--older-than", "soon"), "invalid seconds value"),
    ],
)
def test_what_cannot_be_meant_is_refused(words, fault):
    add.enqueue(1, 2)
    with pytest.raises(CommandError, match=fault):
        flowrra(*words)
    assert count_jobs(status="pending") == 1


def test_with_json_there_is_no_question_but_an_error(answers):
    answers("y\n")
    job = add.enqueue(1, 2)
    for words in (("cancel", "--queue", "default"), ("purge", "default")):
        with pytest.raises(CommandError, match="Say --yes"):
            told(*words)
    assert job.get().status is TaskStatus.PENDING


def test_a_queue_is_purged_once_its_name_was_typed(answers):
    waiting = add.using(queue=QUEUE).enqueue_many([(1, 2)] * 2)
    other = add.enqueue(1, 2)
    answers("Night Shift\n")
    with pytest.raises(CommandError, match="Nothing was changed"):
        flowrra("purge", QUEUE)
    assert statuses(waiting) == ["pending"] * 2
    answers(f"{QUEUE}\n")
    out = flowrra("purge", QUEUE)
    assert out.startswith(f"2 jobs wait for queue {QUEUE!r}.\nType the name ")
    assert out.endswith("Cancelled: 2 jobs.\n")
    assert statuses([*waiting, other]) == ["cancelled"] * 2 + ["pending"]
    assert waiting[0].get().cancelled_by == "command"


def test_a_queue_is_purged_without_a_question_by_yes():
    add.using(queue=QUEUE, run_after=timedelta(hours=1)).enqueue(1, 2)
    assert told("purge", QUEUE, "--yes") == {"purged": 1}
    assert told("purge", QUEUE, "--yes") == {"purged": 0}
