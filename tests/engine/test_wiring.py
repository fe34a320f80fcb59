"""How one executor that is used by itself is wired."""

import pytest

from flowrra_django.config import BackendConfig, BrokerConfig, Config
from flowrra_django.engine.hooks import Hooks
from flowrra_django.engine.wiring import standalone
from tests.executors.stores import BACKEND, BROKER


def config_of(broker=None, backend=None):
    return Config(
        BrokerConfig(broker) if broker else None, BackendConfig(backend) if backend else None
    )


@pytest.mark.parametrize(
    ("config", "is_owner"),
    [
        (config_of(), True),
        (config_of(broker="memory://"), True),
        (config_of(backend="memory://"), True),
        (config_of(backend="memory://name"), False),
        (config_of(broker="memory://name"), False),
        (config_of(broker="django://default"), False),
        (config_of(backend="django://default"), False),
        (Config(BROKER, BACKEND), False),
    ],
)
def test_only_memory_without_a_name_is_nobody_elses(config, is_owner):
    assert standalone(config).is_owner is is_owner


@pytest.mark.parametrize(
    "config",
    [
        config_of(),
        config_of(backend="memory://"),
        config_of(backend="memory://name"),
        config_of(broker="django://default"),
        config_of("django://default", "django://default"),
    ],
)
def test_with_a_broker_or_in_memory_jobs_are_on_the_queues_of_their_tasks(config):
    wiring = standalone(config)
    assert (wiring.queues, wiring.private_queue) == (("default",), None)


def test_a_backend_alone_has_a_queue_for_each_executor():
    config = config_of(backend="django://default")
    one, two = standalone(config), standalone(config)
    assert one.queues == (one.private_queue,)
    assert one.private_queue not in {two.private_queue, "default"}
    assert len(one.private_queue) <= 100  # what the column holds


def test_each_executor_is_a_worker_of_its_own():
    config = config_of("memory://name", "memory://name")
    one, two = standalone(config), standalone(config)
    assert one.stores is two.stores
    assert one.presence.worker_id != two.presence.worker_id


async def test_by_default_nothing_is_done_around_jobs():
    hooks = Hooks()
    with hooks.surround_thread():
        pass
    async with hooks.surround_coroutine():
        pass
    assert await hooks.call_sync(abs, -1) == 1
    assert (hooks.initializer, hooks.preload) == (None, ())
