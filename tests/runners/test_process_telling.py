"""What CPU children tell of their jobs, and what becomes of it when they die or are hostile."""

from __future__ import annotations

import asyncio

import pytest

from flowrra_django.context import Facts, Run, enter
from flowrra_django.job import Crashed, Succeeded
from tests.runners import process_tasks
from tests.runners.processes import running, wait_for_number


class Heard(Run):
    """A run that keeps all that is told."""

    def __init__(self):
        super().__init__(Facts("a job", "a task", 1, "default"))

    @property
    def all(self):
        told = self.take()
        return told or (None, ())


@pytest.fixture
async def runner():
    async with running(1) as made:
        yield made


async def run_in(run, runner, func, *args):
    """Run a job in the context of a run, as a consumer does."""

    async def within():
        enter(run)
        return await runner(func, *args)

    return await asyncio.create_task(within())


async def test_a_child_knows_its_job_without_anybody_who_listens(runner):
    outcome = await runner(process_tasks.facts)
    assert outcome.result == ["a job", "facts", 0, "default", None, False]


async def test_what_a_child_told_before_it_died_is_heard(runner):
    run = Heard()
    outcome = await run_in(run, runner, process_tasks.tell_and_die)
    assert isinstance(outcome, Crashed)
    progress, lines = run.all
    assert (progress.done, progress.message) == (1, "about to die")
    assert [line.text for line in lines] == ["x" * 500]


async def test_what_a_child_told_before_it_was_stopped_is_heard(runner, tmp_path):
    run = Heard()
    place = tmp_path / "pid"
    task = asyncio.create_task(run_in(run, runner, process_tasks.tell_and_hold, str(place)))
    await wait_for_number(place)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [line.text for line in run.all[1]] == ["begun"]


async def test_a_fork_of_a_child_tells_too_and_nothing_twice(runner):
    run = Heard()
    assert isinstance(await run_in(run, runner, process_tasks.tell_from_a_fork), Succeeded)
    assert [line.text for line in run.all[1]] == ["from the fork", "from the job"]


async def test_more_than_a_pipe_holds_holds_nothing_up(runner):
    run = Heard()
    outcome = await run_in(run, runner, process_tasks.tell_all_of_it, 50_000)
    assert outcome == Succeeded(50_000)
    lines = run.all[1]
    assert [line.text.partition(" ")[0] for line in lines[-2:]] == ["49998", "49999"]


async def test_a_job_that_closes_what_it_does_not_own_harms_itself_alone(runner):
    run = Heard()
    await run_in(run, runner, process_tasks.close_what_is_open)
    outcome = await run_in(Heard(), runner, process_tasks.facts)
    assert isinstance(outcome, Succeeded)
