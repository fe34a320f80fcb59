"""Who asks a worker to end, and how soon."""

from __future__ import annotations

import asyncio

from flowrra_django.worker.ending import Ending


def test_nobody_has_asked_at_first():
    ending = Ending()
    assert not ending.drain.is_set()
    assert not ending.stop.is_set()


def test_the_same_one_asking_twice_is_in_a_hurry():
    ending = Ending()
    ending.ask()
    assert (ending.drain.is_set(), ending.stop.is_set()) == (True, False)
    ending.ask()
    assert ending.stop.is_set()


def test_one_signal_that_comes_on_two_ways_counts_once():
    ending = Ending()
    for by in ("a signal", "the supervisor", "the end of the line"):
        ending.ask(by)
    assert (ending.drain.is_set(), ending.stop.is_set()) == (True, False)
    ending.ask("the supervisor")
    assert ending.stop.is_set()


async def test_what_is_asked_from_other_threads_is_heard_on_the_loop():
    ending = Ending()
    ending.open()
    await asyncio.to_thread(ending.drain_from_afar)
    await asyncio.wait_for(ending.drain.wait(), 5)
    await asyncio.to_thread(ending.ask_from_outside)
    await asyncio.sleep(0)
    assert not ending.stop.is_set()  # the ledger's word and the first signal are two
    await asyncio.to_thread(ending.ask_from_outside)
    await asyncio.wait_for(ending.stop.wait(), 5)


def test_a_worker_that_does_not_run_is_not_asked_from_outside():
    ending = Ending()
    ending.ask_from_outside()
    ending.drain_from_afar()
    assert not ending.drain.is_set()


def test_a_worker_that_has_gone_is_asked_in_vain_and_without_an_error():
    ending = Ending()

    async def come_and_go() -> None:
        ending.open()

    asyncio.run(come_and_go())
    ending.ask_from_outside()
    ending.drain_from_afar()
