"""The sockets: what they tell, and whom."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session

from flowrra_django import runtime
from flowrra_django.backends.briefs import Brief
from flowrra_django.live import consumers, signing
from flowrra_django.live.progress import state_of
from flowrra_django.live.sources import hub
from flowrra_django.models import TaskRecord
from flowrra_django.results import TaskStatus
from tests.admin.support import make_pending, make_record, make_running
from tests.live.watching import JOBS, Socket, job_path, queue_path, session_of
from tests.testapp.tasks import add

pytestmark = pytest.mark.django_db(transaction=True)

change = sync_to_async(lambda pk, **fields: TaskRecord.objects.filter(pk=pk).update(**fields))
create = sync_to_async(make_pending)

# All jobs


async def test_the_first_message_says_that_the_page_may_be_old(staff):
    async with Socket(JOBS, staff) as socket:
        assert socket.is_open
        assert await socket.hear() == {"jobs": [], "more": True}


async def test_staff_hear_of_each_change_of_a_job_and_of_nothing_it_was_called_with(staff):
    async with Socket(JOBS, staff) as socket:
        await socket.hear()
        job = await sync_to_async(add.enqueue)("a-secret", 2)
        await socket.hear_until(job.task_id, "pending")
        record = await TaskRecord.objects.aget(task_id=job.task_id)
        await change(record.pk, status="running", claim=1, worker="w")
        await socket.hear_until(job.task_id, "running")
        await change(record.pk, status="success", finished_at=record.submitted_at)
        (*_, last) = await socket.hear_until(job.task_id, "success")
    assert last == {
        "id": job.task_id,
        "status": "success",
        "task": add.name,
        "queue": "default",
        "claim": 1,
        "progress": None,
    }


async def test_what_had_happened_before_is_no_news(staff):
    await create()
    async with Socket(JOBS, staff) as socket:
        await socket.hear()
        assert await socket.hears_nothing()


async def test_a_job_that_was_running_is_followed_however_old_it_is(staff, monkeypatch):
    monkeypatch.setattr("flowrra_django.live.following.MOST_TOLD", 1)
    old = await sync_to_async(make_running)()
    await create()
    async with Socket(JOBS, staff) as socket:
        await socket.hear()
        assert await socket.hears_nothing(0.5)
        await change(old.pk, status="retrying")
        assert await socket.hear_until(old.task_id, "retrying")


async def test_a_queue_is_told_of_its_own_jobs_alone(staff):
    async with Socket(queue_path("ma il/é"), staff) as socket:
        await socket.hear()
        await create(queue="other")
        job = await create(queue="ma il/é")
        assert [told["id"] for told in (await socket.hear())["jobs"]] == [job.task_id]


async def test_a_thousand_changes_are_told_in_few_messages(staff):
    async with Socket(JOBS, staff) as socket:
        await socket.hear()
        start = time.monotonic()
        await sync_to_async(add.enqueue_many)([(n, n) for n in range(1000)])
        messages = [await socket.hear()]
        while not await socket.hears_nothing(0.5):
            messages.append(await socket.hear())
        seconds = time.monotonic() - start
    assert any(message["more"] for message in messages)
    assert all(len(message["jobs"]) <= 100 for message in messages)
    assert len(messages) <= 1 + seconds * 10


async def test_when_nobody_watches_the_ledger_is_left_alone(staff):
    async with Socket(JOBS, staff) as socket:
        await socket.hear()
        assert runtime.get_stores().broker.has_subscribers
    assert not runtime.get_stores().broker.has_subscribers


async def test_an_outage_of_the_ledger_does_not_end_the_socket(staff, monkeypatch):
    backend = runtime.get_stores().backend
    real, calls = backend.recent, []

    def recent(limit):
        calls.append(limit)
        if len(calls) == 2:
            raise RuntimeError("away")
        return real(limit)

    monkeypatch.setattr("flowrra_django.live.following.AFTER_ERROR", 0.1)
    monkeypatch.setattr(backend, "recent", recent)
    async with Socket(JOBS, staff) as socket:
        await socket.hear()
        job = await create()
        assert await socket.hear_until(job.task_id, "pending")


# Who may


@pytest.mark.parametrize("path", [JOBS, queue_path("mail")])
@pytest.mark.parametrize(
    ("permissions", "options", "code"),
    [
        (None, {}, 4401),
        ([], {"is_staff": True}, 4403),
        (["view_taskrecord"], {"is_staff": False}, 4403),
        (["retry_taskrecord", "view_workerprocess"], {"is_staff": True}, 4403),
        (["view_taskrecord"], {"is_staff": True, "is_active": False}, 4401),
    ],
    ids=["nobody", "staff without the permission", "no staff", "another permission", "inactive"],
)
async def test_who_may_not_view_jobs_is_told_so_and_nothing_else(path, permissions, options, code):
    session = "" if permissions is None else await _session(*permissions, **options)
    async with Socket(path, session) as socket:
        assert await socket.closing_code() == code


async def test_a_cookie_that_somebody_made_up_opens_nothing():
    async with Socket(JOBS, "0123456789abcdefghijklmnopqrstuv") as socket:
        assert await socket.closing_code() == 4401


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "http://testserver.evil.example", "http://testserver:8001", "null", ""],
)
async def test_a_page_of_another_site_opens_no_socket(staff, origin):
    async with Socket(JOBS, staff, origin=origin) as socket:
        assert not socket.is_open


async def test_who_sends_no_origin_and_has_only_a_cookie_is_refused(staff):
    async with Socket(JOBS, staff, origin=None) as socket:
        assert await socket.closing_code() == 4403


@pytest.mark.parametrize("trusted", ["https://admin.example", "https://*.example"])
async def test_pages_of_a_trusted_origin_may_open_sockets(staff, settings, trusted):
    settings.CSRF_TRUSTED_ORIGINS = [trusted]
    async with Socket(JOBS, staff, origin="https://admin.example") as socket:
        assert await socket.hear()
    async with Socket(JOBS, staff, origin="http://admin.example") as socket:
        assert not socket.is_open


async def test_a_site_that_is_called_by_a_name_that_is_not_its_own_opens_no_socket(staff, settings):
    settings.ALLOWED_HOSTS = ["elsewhere.example"]
    async with Socket(JOBS, staff) as socket:
        assert not socket.is_open


async def test_who_logs_out_is_told_no_more(staff, monkeypatch):
    monkeypatch.setattr(consumers, "CHECK_SECONDS", 0.2)
    async with Socket(JOBS, staff) as socket:
        await socket.hear()
        await Session.objects.all().adelete()
        assert await socket.closing_code() == 4401


@pytest.mark.parametrize(
    ("lost", "code"),
    [({"is_staff": False}, 4403), ({"is_active": False}, 4401), ("permission", 4403)],
    ids=["staff", "active", "permission"],
)
async def test_who_loses_the_right_meanwhile_is_told_no_more(staff, monkeypatch, lost, code):
    monkeypatch.setattr(consumers, "CHECK_SECONDS", 0.2)
    async with Socket(JOBS, staff) as socket:
        await socket.hear()
        if lost == "permission":
            user = await User.objects.aget()
            await user.user_permissions.aclear()
        else:
            await User.objects.aupdate(**lost)
        assert await socket.closing_code() == code


async def test_who_has_the_address_of_one_job_is_never_told_of_another():
    mine, other = await create(), await create()
    path = job_path(signing.sign(mine.task_id))
    async with Socket(path) as socket:
        assert await socket.hear() == _state("pending")
        for told in ('{"task_id": "%s"}', '{"type": "subscribe", "queue": "default", "job": "%s"}'):
            await socket.say(text=told % other.task_id)
        hub().tell([Brief(other.task_id, TaskStatus.FAILED, "t", "q", 1)], has_more=True)
        await change(other.pk, status="failed", finished_at=other.submitted_at)
        assert await socket.hears_nothing()
        await change(mine.pk, status="running")
        assert await socket.hear() == _state("running")


async def test_sockets_that_are_gone_leave_nothing_behind(staff):
    before = asyncio.all_tasks()
    job = await create()
    async with AsyncExitStack() as stack:
        for path in [JOBS, queue_path("mail"), job_path(signing.sign(job.task_id))] * 10:
            socket = await stack.enter_async_context(Socket(path, staff))
            await socket.hear()
        assert hub().is_busy
    await asyncio.sleep(0)
    assert not hub().is_busy
    left = {task for task in asyncio.all_tasks() - before if not task.cancelling()}
    assert not {task for task in left if "flowrra" in repr(task.get_coro())}


@pytest.mark.parametrize("said", ['{"type": "flowrra.jobs"', "x" * 1_000_000, "[]", "null"])
async def test_what_a_browser_sends_changes_nothing(staff, said):
    async with Socket(JOBS, staff) as socket:
        await socket.hear()
        await socket.say(text=said)
        await socket.say(bytes=b"\xff" * 1000)
        for number in range(1000):
            await socket.say(text=f'{{"type": "subscribe", "queue": "{number}"}}')
        job = await create()
        assert await socket.hear_until(job.task_id, "pending")


# One job, by its signed address


async def test_who_has_its_address_watches_a_job_to_its_end_without_logging_in():
    job = await create()
    async with Socket(job_path(signing.sign(job.task_id))) as socket:
        assert await socket.hear() == _state("pending")
        await change(job.pk, status="running")
        assert await socket.hear() == _state("running")
        await change(job.pk, status="failed", finished_at=job.submitted_at)
        assert await socket.hear() == _state("failed")
        assert await socket.closing_code() in {None, 1000}


async def test_a_job_that_has_ended_is_told_of_once():
    job = await sync_to_async(make_record)()
    async with Socket(job_path(signing.sign(job.task_id))) as socket:
        assert await socket.hear() == _state("success")
        assert await socket.closing_code() in {None, 1000}


async def test_a_job_that_is_not_there_yet_is_told_of_when_it_is():
    async with Socket(job_path(signing.sign("f" * 32))) as socket:
        assert await socket.hear() == _state("unknown")
        await create(task_id="f" * 32)
        assert await socket.hear() == _state("pending")


async def test_the_address_of_one_job_opens_no_other():
    mine, other = await create(), await create()
    forged = signing.sign(mine.task_id).replace(signing.sign(mine.task_id)[:8], "eyJhIjox")
    for token in (forged, other.task_id, signing.sign(other.task_id)[:-1]):
        async with Socket(job_path(token)) as socket:
            assert await socket.closing_code() == 4403


async def test_an_address_that_has_expired_opens_nothing_and_keeps_nothing_open():
    job = await create()
    async with Socket(job_path(signing.sign(job.task_id, max_age=-1))) as socket:
        assert await socket.closing_code() == 4403
    async with Socket(job_path(signing.sign(job.task_id, max_age=3))) as socket:
        assert await socket.hear() == _state("pending")
        assert await socket.closing_code() == 4403


async def test_a_page_of_another_site_does_not_open_a_jobs_socket_either():
    job = await create()
    path = job_path(signing.sign(job.task_id))
    async with Socket(path, origin="http://evil.example") as socket:
        assert not socket.is_open
    async with Socket(path, origin=None) as socket:  # a program that is no browser
        assert await socket.hear() == _state("pending")


_session = sync_to_async(session_of)


def _state(status):
    return state_of(None if status == "unknown" else Brief("", TaskStatus(status), "", ""))
