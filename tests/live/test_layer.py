"""News through a channel layer that reaches other processes: channels-redis, over a real Redis."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import Counter
from contextlib import asynccontextmanager

import pytest
import redis
from asgiref.sync import sync_to_async

from flowrra_django import runtime
from flowrra_django.checks import check_layer
from flowrra_django.engine.events import Enqueued
from flowrra_django.job import Job, Kind
from flowrra_django.live import layer, publishing, signing, sources
from flowrra_django.live.hub import Hub
from flowrra_django.live.news import News
from flowrra_django.models import WorkerProcess as WorkerRow
from tests import names, servers
from tests.live.watching import JOBS, Socket, job_path
from tests.support import until
from tests.testapp.tasks import add, nap

channels_redis = pytest.importorskip("channels_redis")

pytestmark = pytest.mark.django_db(transaction=True)

CORE = "channels_redis.core.RedisChannelLayer"
PUBSUB = "channels_redis.pubsub.RedisPubSubChannelLayer"


@pytest.fixture(scope="module")
def redis_url():
    url = servers.found("redis")
    if url is None:
        (pytest.fail if servers.is_required("redis") else pytest.skip)(servers.why_not("redis"))
    return url


@pytest.fixture(params=[CORE, PUBSUB], ids=["core", "pubsub"])
def layers(request, redis_url, settings, tmp_path):
    """Configure a layer of this test alone, as the documentation says."""
    hosts = [{"address": redis_url, "socket_timeout": None}]
    config = {"hosts": hosts, "prefix": f"{names.NAME}-{tmp_path.name}"}
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": request.param, "CONFIG": config}}
    return settings.CHANNEL_LAYERS


@pytest.fixture
def only_pushed(monkeypatch):
    """Look into the ledger once an hour, so that what is heard was pushed."""
    monkeypatch.setattr(sources, "LONGEST_BESIDE_PUSH", 3600.0)
    monkeypatch.setattr(
        runtime.get_stores().broker, "subscribe", lambda ring: lambda: None, raising=True
    )


@asynccontextmanager
async def listening():
    """Be in the group, as a consumer of the site's own could be."""
    channels = layer.pushing_layer()
    channel = await channels.new_channel()
    await channels.group_add(layer.GROUP, channel)
    yield channels, channel
    await channels.group_discard(layer.GROUP, channel)


async def test_another_process_that_works_is_heard(layers, only_pushed, staff, start_worker):
    start_worker(FLOWRRA_TEST_CHANNEL_LAYERS=json.dumps(layers))
    await sync_to_async(until)(WorkerRow.objects.exists)
    async with Socket(JOBS, staff) as socket:
        await socket.hear()
        job = await sync_to_async(add.enqueue)(1, 2)
        heard = await socket.hear_until(job.task_id, "success")
    way = ["pending", "running", "success"]  # on which what changes fast is told of once
    steps = [way.index(told["status"]) for told in heard]
    assert steps == sorted(steps)


async def test_a_push_makes_who_watches_one_job_look(layers, only_pushed):
    job = await sync_to_async(add.enqueue)(1, 2)
    async with Socket(job_path(signing.sign(job.task_id))) as socket:
        assert (await socket.hear())["status"] == "pending"
        await sync_to_async(job.cancel)()
        brief = publishing.brief_of(Enqueued(_job(job.task_id)))  # late news, and not true any more
        await layer.pushing_layer().group_send(
            layer.GROUP, {"type": layer.GROUP, **News([brief]).to_dict()}
        )
        assert (await socket.hear())["status"] == "cancelled"


async def test_many_changes_are_sent_in_at_most_ten_messages_a_second(layers):
    publisher = publishing.Publisher()
    async with listening() as (channels, channel):
        end = time.monotonic() + 1.5
        sent = 0
        while time.monotonic() < end:
            for _ in range(20):
                publisher.put(publishing.brief_of(Enqueued(_job(f"job-{sent}"))))
                sent += 1
            await asyncio.sleep(0.005)
        messages = await _all_of(channels, channel)
    assert 3 <= len(messages) <= 18
    assert all(len(message["jobs"]) <= 100 for message in messages)
    assert f"job-{sent - 1}" in {job["id"] for job in messages[-1]["jobs"]}


async def test_nothing_of_what_a_job_was_called_with_is_sent(layers):
    async with listening() as (channels, channel):
        job = await sync_to_async(add.enqueue)("a-secret", 2)
        messages = await _all_of(channels, channel)
    told = [each for message in messages for each in message["jobs"] if each["id"] == job.task_id]
    assert told
    assert told[0].keys() == {"id", "status", "task", "queue", "claim", "progress"}
    assert "a-secret" not in repr(messages)


async def test_what_others_send_to_the_group_harms_nobody(layers, only_pushed, staff):
    async with Socket(JOBS, staff) as socket:
        await socket.hear()
        for nonsense in ({}, {"jobs": 1, "more": 0}, {"jobs": [{"id": 1}], "more": False}):
            message = {"type": layer.GROUP, **nonsense}
            await layer.pushing_layer().group_send(layer.GROUP, message)
        job = await sync_to_async(nap.enqueue)(1)
        assert await socket.hear_until(job.task_id, "pending")


async def test_who_waits_for_long_is_not_cut_off(layers):
    """With the setting that the documentation gives: redis-py 8 gives up after 5 s without it."""
    async with listening() as (channels, channel):
        waiting = asyncio.create_task(_until_more(channels, channel))
        await asyncio.sleep(6.5)
        assert not waiting.done()
        await channels.group_send(layer.GROUP, {"type": layer.GROUP, "jobs": [], "more": True})
        async with asyncio.timeout(5):
            await waiting


async def _until_more(channels, channel):
    while not (await channels.receive(channel))["more"]:
        """News of a job of an earlier test may still come."""


async def test_a_layer_that_is_away_stops_neither_the_job_nor_who_enqueues(settings, staff):
    config = {"hosts": [{"address": "redis://127.0.0.1:1", "socket_timeout": None}]}
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": CORE, "CONFIG": config}}
    async with Socket(JOBS, staff) as socket:
        await socket.hear()
        job = await sync_to_async(add.enqueue)(1, 2)
        assert await socket.hear_until(job.task_id, "pending")  # followed, for it is not pushed


@pytest.mark.parametrize("hangs", [False, True], ids=["refuses", "hangs"])
def test_a_layer_that_goes_is_told_of_once_and_once_when_it_is_back(monkeypatch, caplog, hangs):
    away = FlakyLayer(hangs=hangs)
    monkeypatch.setattr(publishing, "pushing_layer", lambda: away)
    monkeypatch.setattr(publishing, "SEND_SECONDS", 0.1)
    publisher = publishing.Publisher()

    def put_until(reached):
        until(lambda: publisher.put(publishing.brief_of(Enqueued(_job(away.task_id)))) or reached())

    put_until(lambda: away.refused >= 4)
    away.is_back = True
    put_until(lambda: away.taken >= 4)
    told = [record.getMessage() for record in caplog.records]
    assert [" ".join(line.split()[:5]) for line in told] == [
        "The channel layer does not",
        "The channel layer answers again,",
    ]


def test_news_for_a_layer_that_is_there_no_more_are_dropped(monkeypatch, caplog):
    asked = []
    monkeypatch.setattr(publishing, "pushing_layer", lambda: asked.append("for a layer"))
    publisher = publishing.Publisher()
    for number in (1, 2):  # when the second is sent, the first has been
        publisher.put(publishing.brief_of(Enqueued(_job(f"job-{number}"))))
        until(lambda number=number: len(asked) == number)
    assert not caplog.records


async def test_a_layer_that_gives_no_news_is_told_of_once(monkeypatch, caplog):
    away = FlakyLayer()
    monkeypatch.setattr(layer, "pushing_layer", lambda: away)
    monkeypatch.setattr(layer, "AFTER_ERROR", 0.01)
    receiving = asyncio.create_task(layer.receive(Hub([])))
    while away.refused < 4:
        await asyncio.sleep(0.01)
    away.is_back = True
    while not away.taken:
        await asyncio.sleep(0.01)
    receiving.cancel()
    assert [record.getMessage().split()[3] for record in caplog.records] == ["does", "answers"]


async def test_a_layer_whose_redis_was_emptied_is_joined_again(
    layers, only_pushed, staff, redis_url, monkeypatch
):
    monkeypatch.setattr(layer, "RENEW_SECONDS", 0.5)
    prefix = layers["default"]["CONFIG"]["prefix"]
    async with Socket(JOBS, staff) as socket:
        await socket.hear()
        while not await socket.hears_nothing(0.3):
            await socket.hear()
        with redis.Redis.from_url(redis_url) as client:
            for key in client.scan_iter(f"{prefix}*"):
                client.delete(key)
        await asyncio.sleep(1.0)  # a renewal
        job = await sync_to_async(add.enqueue)(1, 2)
        assert await socket.hear_until(job.task_id, "pending")


@pytest.mark.parametrize(
    "layers", [{}, {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}]
)
def test_without_a_layer_that_reaches_others_nothing_is_sent(settings, layers):
    settings.CHANNEL_LAYERS = layers
    assert not publishing.LiveAudience().wants(Enqueued(_job("a")))


def test_a_layer_that_cannot_be_had_silences_live_and_no_job(settings, caplog):
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "nowhere.Layer"}}
    audience = publishing.LiveAudience()
    assert not any(audience.wants(Enqueued(_job("a"))) for _ in range(3))
    assert Counter(record.levelname for record in caplog.records) == {"ERROR": 1}


def test_the_check_names_the_extra_that_is_missing(settings, monkeypatch):
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": PUBSUB}}
    assert check_layer() == []
    monkeypatch.setitem(__import__("sys").modules, "channels_redis", None)
    (message,) = check_layer()
    assert message.id == "flowrra_django.E002"
    assert 'pip install "flowrra-django[channels-redis]"' in message.hint


@pytest.mark.parametrize(
    ("hosts", "ids"),
    [
        (None, ["flowrra_django.W004"]),
        (["redis://localhost"], ["flowrra_django.W004"]),
        ([("localhost", 6379)], ["flowrra_django.W004"]),
        ([{"address": "redis://localhost", "socket_timeout": None}], []),
        (["redis://localhost?socket_timeout=30"], []),
    ],
)
def test_the_check_names_the_setting_that_keeps_those_who_wait(settings, monkeypatch, hosts, ids):
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": CORE, "CONFIG": {"hosts": hosts}}}
    monkeypatch.setattr("redis.VERSION", (8, 0, 0))
    assert [message.id for message in check_layer()] == ids
    monkeypatch.setattr("redis.VERSION", (7, 9, 0))
    assert check_layer() == []


class FlakyLayer:
    """A layer that is away, and knows how often it was asked."""

    def __init__(self, *, hangs=False):
        self.hangs, self.is_back, self.refused, self.taken = hangs, False, 0, 0
        self.task_id = uuid.uuid4().hex

    async def _answer(self, *_):
        if self.is_back:
            self.taken += 1
            return
        self.refused += 1
        if self.hangs:
            await asyncio.sleep(3600)
        raise ConnectionError("Connection refused.")

    group_add = group_discard = _answer

    async def group_send(self, _group, message):
        if message["jobs"][0]["id"] == self.task_id:  # and not what is left of an earlier test
            await self._answer()

    async def new_channel(self, _prefix):
        return "specific"

    async def receive(self, _channel):
        await asyncio.sleep(3600)


def _job(task_id):
    return Job(task_id=task_id, task_name="a.task", kind=Kind.IO, args="[]", kwargs="{}")


async def _all_of(channels, channel):
    messages = []
    try:
        while True:
            async with asyncio.timeout(1.0):
                messages.append(await channels.receive(channel))
    except TimeoutError:
        return messages
