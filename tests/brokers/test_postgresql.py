"""Hearing of other processes from PostgreSQL, and what is done where nothing can be heard."""

import socket
import struct
import threading
import time
from contextlib import closing, contextmanager, suppress

import pytest
from django.db import connections

from flowrra_django.brokers.database import DatabaseBroker, looks as looks_module
from flowrra_django.brokers.database.looks import LONG_SECONDS
from flowrra_django.brokers.database.news import LATE, SOON
from flowrra_django.brokers.database.notifications import listen_to
from flowrra_django.engine.stores import Stores
from tests.contracts.acts import IO, enqueue
from tests.contracts.enlisted import stores_with_a_worker
from tests.contracts.stores import POSTGRESQL
from tests.support import until

ALIAS = "postgresql"
NOTIFICATION = b"A"
LISTENERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND query = 'LISTEN flowrra'
"""


class Proxy:
    """Passes everything on but notifications, as one does that pools transactions."""

    def __init__(self, address):
        self._address = address
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.swallowed = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._server.close()

    def _accept(self):
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                server = socket.create_connection(self._address)
                for work in (self._pass_questions, self._pass_answers):
                    threading.Thread(target=work, args=(client, server), daemon=True).start()

    def _pass_questions(self, client, server):
        with suppress(OSError), closing(server):
            while data := client.recv(65536):
                server.sendall(data)

    def _pass_answers(self, client, server):
        with suppress(OSError), closing(client), server.makefile("rb") as answers:
            while head := answers.read(5):
                (length,) = struct.unpack("!I", head[1:])
                body = answers.read(length - 4)
                if head[:1] == NOTIFICATION:
                    self.swallowed += 1
                else:
                    client.sendall(head + body)


@pytest.fixture
def stores(request, clock):
    with stores_with_a_worker(POSTGRESQL, request, clock) as stores:
        yield stores


@pytest.fixture
def proxy(stores, monkeypatch):
    """Have all new connections go through a proxy."""
    settings = connections[ALIAS].settings_dict
    connections[ALIAS].close()
    with (
        closing(Proxy((settings["HOST"], settings["PORT"]))) as proxy,
        monkeypatch.context() as patch,
    ):
        patch.setitem(settings, "HOST", "127.0.0.1")
        patch.setitem(settings, "PORT", proxy.port)
        patch.setitem(settings, "OPTIONS", {"sslmode": "disable", "gssencmode": "disable"})
        yield proxy
        connections[ALIAS].close()


@contextmanager
def listening():
    heard = threading.Semaphore(0)
    with closing(listen_to(ALIAS, lambda _: heard.release())) as listener:
        yield listener, heard


def test_a_job_that_comes_is_heard_of(stores):
    with listening() as (_, heard):
        assert heard.acquire(timeout=10)  # that something may have come before
        enqueue(stores)
        assert heard.acquire(timeout=10)


def test_a_job_that_comes_while_one_begins_to_listen_is_heard_of(stores):
    with listening() as (_, heard):
        enqueue(stores)
        until(lambda: heard.acquire(timeout=10) and stores.broker.depth([IO], 1))


def test_a_listener_whose_connection_was_ended_hears_on_another(stores):
    with listening() as (listener, heard):
        assert heard.acquire(timeout=10)
        with connections[ALIAS].cursor() as cursor:
            until(lambda: cursor.execute(LISTENERS) or cursor.fetchall())
        assert heard.acquire(timeout=10)
        enqueue(stores)
        assert heard.acquire(timeout=10)
        assert listener.is_alive()


def test_a_listener_that_hears_nothing_says_so_once_and_ends(stores, proxy, caplog):
    with listening() as (listener, _):
        until(lambda: not listener.is_alive())
    assert listener.is_deaf
    assert proxy.swallowed >= 1
    assert [record.message.split(",")[0] for record in caplog.records] == [
        "Notifications of DATABASES['postgresql'] do not arrive"
    ]


def test_behind_a_proxy_the_database_is_polled_the_less_often_the_longer_nothing_comes(
    stores, proxy, caplog
):
    broker = stores.broker
    with closing(broker.listen(lambda _: None)) as listener:
        until(lambda: not listener.is_alive())
    assert broker.listen(lambda _: None) is None
    paces = [broker.poll_seconds for _ in range(10) if broker.changed()]
    assert paces == sorted(paces)
    assert paces[-1] == broker.poll_seconds == LATE
    enqueue(stores)
    assert len(stores.take("w", [IO], 1).jobs) == 1
    assert broker.poll_seconds == SOON
    assert len(caplog.records) == 1


def test_behind_a_proxy_a_job_of_another_process_rings_the_bell(stores, proxy, caplog, clock):
    rung = threading.Event()
    stores.broker.subscribe(rung.set)
    stores.place.nudge()
    until(lambda: "do not arrive" in caplog.text)
    rung.clear()
    neighbour = POSTGRESQL.open(clock)
    enqueue(Stores(neighbour, DatabaseBroker(neighbour)))
    until(rung.is_set)
    stores.stop()


# Looks that take long, as where no vacuum is possible


@pytest.fixture
def looks(stores, monkeypatch):
    """Have looks take long, and count them."""
    peek, made = stores.backend.engine.peek, []

    def peek_slowly(cursor, lanes):
        time.sleep(2 * LONG_SECONDS)
        made.append(lanes)
        return peek(cursor, lanes)

    monkeypatch.setattr(stores.backend.engine, "peek", peek_slowly)
    monkeypatch.setattr(looks_module, "MOST_SECONDS", 0.5)
    monkeypatch.setattr(looks_module, "REST", 1000)
    return made


def take(stores, limit):
    return [job.task_id for job in stores.take("w", [IO], limit).jobs]


def test_where_looks_take_long_not_every_take_begins_with_one(stores, looks):
    task_ids = [enqueue(stores) for _ in range(20)]
    assert [task_id for _ in range(10) for task_id in take(stores, 2)] == task_ids
    assert len(looks) == 2


def test_what_is_urgent_waits_for_the_next_look_and_no_longer(stores, looks):
    for _ in range(200):
        enqueue(stores)
    take(stores, 2), take(stores, 2)
    urgent = enqueue(stores, priority=-9)
    assert urgent not in take(stores, 2)
    until(lambda: urgent in take(stores, 2))


def test_when_less_is_found_than_is_wanted_the_next_take_looks(stores, looks):
    few = [enqueue(stores) for _ in range(7)]
    taken = take(stores, 2) + take(stores, 2)
    urgent = enqueue(stores, priority=-9)
    last = stores.take("w", [IO], 5)
    assert taken + [job.task_id for job in last.jobs] == few
    assert last.next_due == 0
    assert take(stores, 5) == [urgent]
    assert stores.take("w", [IO], 5) == ([], None)


def test_when_nothing_is_found_where_lanes_began_it_is_looked_at_once(stores, looks):
    few = [enqueue(stores) for _ in range(4)]
    assert take(stores, 2) + take(stores, 2) == few
    urgent = enqueue(stores, priority=-9)
    assert take(stores, 2) == [urgent]
