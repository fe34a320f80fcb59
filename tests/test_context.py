"""`current_job()`, and what it lets code say."""

import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from flowrra_django import OutsideJobError, current_job
from flowrra_django.context import Facts, Run, current_run, enter
from flowrra_django.reports import KEPT_LINES, log_from, progress_from


class Noted(Run):
    """A run that counts its news."""

    def __init__(self):
        super().__init__(Facts("an id", "a task", 2, "mail"))
        self.news = 0

    def on_told(self):
        self.news += 1


@pytest.fixture
def run():
    return Noted()


def inside(run, act):
    def enter_and_act():
        enter(run)
        return act()

    return contextvars.copy_context().run(enter_and_act)


def test_outside_a_job_it_says_so():
    assert current_run() is None
    with pytest.raises(OutsideJobError, match="No job runs here"):
        current_job()


def test_a_bare_thread_knows_no_job_and_one_with_the_context_does(run):
    def ask():
        with ThreadPoolExecutor(1) as pool:
            with pytest.raises(OutsideJobError):
                pool.submit(current_job).result()
            return pool.submit(contextvars.copy_context().run, current_job).result().id

    assert inside(run, ask) == "an id"


def test_it_tells_what_the_job_is(run):
    job = inside(run, current_job)
    assert (job.id, job.task_id, job.task_name) == ("an id", "an id", "a task")
    assert (job.attempt, job.queue, job.deadline) == (2, "mail", None)
    assert repr(job) == "<attempt 2 at job an id of a task>"


def test_news_is_told_of_once_until_somebody_takes_it(run):
    job = inside(run, current_job)
    assert run.take() is None
    job.progress(1, 2)
    job.progress(2, 2)
    job.log("x")
    assert run.news == 1
    told = run.take()
    assert (told.progress.done, [line.text for line in told.lines]) == (2, ["x"])
    assert run.take() is None
    job.log("y")
    assert run.news == 2


def test_code_that_asks_has_heeded_a_cancel_and_not_before(run):
    job = inside(run, current_job)
    assert not job.cancelled
    assert not run.is_heeded
    run.cancel("ada")
    assert job.cancelled
    assert run.is_heeded


@pytest.mark.parametrize("wrong", ["1", None, True, 1j])
def test_what_is_no_number_is_refused(run, wrong):
    with pytest.raises(TypeError, match="done of a progress is a number"):
        inside(run, current_job).progress(wrong, 1)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), 2**60])
def test_a_number_that_not_every_reader_knows_is_refused(run, wrong):
    with pytest.raises(ValueError, match="total of a progress"):
        inside(run, current_job).progress(1, wrong)


def test_texts_are_cut_and_made_storable(run):
    job = inside(run, current_job)
    job.log("a" * 10_000)
    job.log("\0" * 10_000)
    job.log("\udcff")
    job.progress(1, 2, "\0")
    told = run.take()
    assert [len(line.text) for line in told.lines] == [500, 500, 6]
    assert told.progress.message == "\\x00"


def test_more_lines_than_are_kept_cost_no_memory(run):
    job = inside(run, current_job)
    for number in range(10 * KEPT_LINES):
        job.log(number)
    assert len(run.take().lines) == KEPT_LINES


def test_many_threads_may_tell_at_once(run):
    job = inside(run, current_job)
    taken, is_over = [], threading.Event()

    def take():
        while not is_over.is_set():
            taken.append(run.take())

    taker = threading.Thread(target=take)
    taker.start()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(job.log, range(2000)))
    is_over.set()
    taker.join()
    told = [*filter(None, [*taken, run.take()])]
    texts = [line.text for each in told for line in each.lines]
    assert len(texts) == len(set(texts)) <= 2000
    assert told[-1].lines[-1].text == texts[-1]


@pytest.mark.parametrize("odd", ["", "[", "7", '"x"', "[1]", '{"done": 1}', '[{"at": 7}]', None])
def test_what_somebody_else_has_written_is_no_report(odd):
    assert progress_from(odd) is None
    assert log_from(odd) == ()
