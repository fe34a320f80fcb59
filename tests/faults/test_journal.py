"""What jobs said of themselves is read even where one was killed in the middle of a word."""

import pytest

from flowrra_django.job import Job, Kind

from . import journal


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setenv(journal.VARIABLE, str(tmp_path / "journal"))
    return tmp_path / "journal"


def run(key):
    what = {"task_id": "x", "task_name": "nap", "kind": Kind.IO, "args": [], "kwargs": {}}
    job = Job(**what, worker="w", attempts=1, claim=1)
    with journal.running(job, key, worker=7):
        pass


def test_each_run_is_read_with_its_start_and_its_end(path):
    run(1)
    run(2)
    runs = journal.read(path)
    assert {key: len(each) for key, each in runs.items()} == {1: 1, 2: 1}
    assert all(each.ended >= each.started for (each,) in runs.values())


def test_a_line_of_which_there_is_only_a_part_tells_nothing(path):
    run(1)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        run(2)
        runs = journal.read(path)
        assert [each.ended is not None for each in runs[2]] == [True]
        assert len(runs.get(1, ())) <= 1
