"""What a worker and its supervisor say to each other."""

from __future__ import annotations

import asyncio
import os
import socket

import pytest

from flowrra_django.worker.line import ASK, LEAVING, READY, UNSUPERVISED, SupervisorLine
from tests.support import until


@pytest.fixture
def ends():
    """The supervisor's socket, and the worker's line."""
    supervisor, worker = socket.socketpair()
    with supervisor:
        yield supervisor, SupervisorLine(worker.detach())


async def heard(line, count):
    """Return the first so many who ask."""
    asked: list[str] = []
    line.listen(asked.append)
    async with asyncio.timeout(5):
        while len(asked) < count:
            await asyncio.sleep(0.001)
    await asyncio.sleep(0.01)
    line.close()
    return asked


async def test_the_supervisor_hears_each_word(ends):
    supervisor, line = ends
    line.say(READY)
    line.say(LEAVING)
    assert supervisor.recv(10) == READY + LEAVING
    line.close()


async def test_the_supervisor_asking_twice_is_heard_twice(ends):
    supervisor, line = ends
    supervisor.send(ASK)
    supervisor.send(ASK)
    assert await heard(line, 2) == ["the supervisor"] * 2


async def test_a_supervisor_that_has_gone_asks_once_and_the_worker_can_go_on(ends, caplog):
    supervisor, line = ends
    supervisor.close()
    line.say(READY)
    assert await heard(line, 1) == ["the end of the line"]
    assert caplog.messages == ["The supervisor has gone. This worker drains and ends."]


async def test_what_was_asked_before_the_supervisor_went_counts(ends):
    supervisor, line = ends
    supervisor.send(ASK)
    supervisor.close()
    assert await heard(line, 2) == ["the supervisor", "the end of the line"]


def test_a_program_that_the_worker_starts_does_not_hold_the_line(ends):
    supervisor, line = ends
    assert not os.get_inheritable(line._socket.fileno())
    line._socket.close()
    supervisor.settimeout(5)
    assert until(lambda: supervisor.recv(1) == b"")


async def test_a_worker_that_nobody_supervises_has_nobody_to_talk_to():
    UNSUPERVISED.listen(pytest.fail)
    UNSUPERVISED.say(READY)
    UNSUPERVISED.close()
