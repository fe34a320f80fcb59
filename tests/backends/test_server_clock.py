"""The time of a database server, as a process that has asked for it goes on to tell it."""

from datetime import UTC, datetime, timedelta

import pytest

from flowrra_django.backends.database.server import SURE_SECONDS, ServerClock

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)


class Time:
    """A machine's monotonic seconds, and a server whose clock runs beside them."""

    def __init__(self):
        self.seconds = 1_000.0
        self.server_ahead = timedelta(0)
        self.answer_takes = 0.0
        self.asked = 0

    def monotonic(self):
        return self.seconds

    def ask(self):
        self.asked += 1
        self.seconds += self.answer_takes / 2
        answer = NOON + timedelta(seconds=self.seconds - 1_000) + self.server_ahead
        self.seconds += self.answer_takes / 2
        return answer


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def clock(time):
    return ServerClock(time.monotonic)


def test_it_is_the_servers_time_however_wrong_the_machines_own_is(time, clock):
    time.server_ahead = timedelta(hours=1)
    assert clock.now(time.ask) == NOON + timedelta(hours=1)


def test_it_goes_on_between_two_questions(time, clock):
    clock.now(time.ask)
    time.seconds += 10
    assert clock.now(time.ask) == NOON + timedelta(seconds=10)
    assert time.asked == 1


def test_the_server_is_asked_again_after_a_while(time, clock):
    clock.now(time.ask)
    time.server_ahead = timedelta(seconds=-3)
    time.seconds += SURE_SECONDS + 1
    assert clock.now(time.ask) == NOON + timedelta(seconds=SURE_SECONDS + 1 - 3)
    assert time.asked == 2


def test_what_the_answer_took_on_its_way_is_halved(time, clock):
    time.answer_takes = 4.0
    assert clock.now(time.ask) == NOON + timedelta(seconds=4)


def test_a_question_that_fails_leaves_the_clock_to_be_asked_again(time, clock):
    def fail():
        raise ConnectionError

    with pytest.raises(ConnectionError):
        clock.now(fail)
    assert clock.now(time.ask) == NOON
