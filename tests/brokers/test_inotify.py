"""What the kernel tells of writes to files; without a kernel that does, nothing."""

import os
import resource
import sqlite3
import sys
from contextlib import ExitStack
from threading import Event, Thread

import pytest

from flowrra_django.brokers.database import inotify
from flowrra_django.brokers.database.inotify import FileWatch, watch_files
from tests.support import until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is in Linux alone")


@pytest.fixture
def heard():
    return Event()


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    return file


@pytest.fixture
def watch(file, heard):
    watch = FileWatch([file, file.with_name("is not there")], heard.set)
    yield watch
    watch.close()


def test_a_write_is_heard_of_and_a_read_is_not(file, watch, heard):
    file.read_text()
    assert not heard.wait(0.05)
    file.write_text("news")
    assert heard.wait(5)


def test_a_process_with_very_many_open_files_hears_too(file, heard):
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, limits[1]), limits[1]))
    with ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        for _ in range(1100):
            stack.enter_context(open(os.devnull))
        watch = FileWatch([file], heard.set)
        stack.callback(watch.close)
        file.write_text("news")
        assert heard.wait(5)


def test_every_write_is_heard_of_however_close_they_come(file, watch, heard):
    for turn in range(20):
        heard.clear()
        file.write_text(str(turn))
        assert heard.wait(5)


def test_the_commit_of_another_connection_is_heard_of(tmp_path, heard):
    path = tmp_path / "db"
    mine, other = sqlite3.connect(path), sqlite3.connect(path)
    mine.execute("PRAGMA journal_mode=WAL")
    mine.execute("CREATE TABLE numbers (number)")
    watch = watch_files([path, path.with_name("db-wal")], heard.set)
    with other:
        other.execute("INSERT INTO numbers VALUES (1)")
    assert heard.wait(5)
    watch.close()
    mine.close()
    other.close()


def test_the_watch_ends_when_its_file_is_no_more(file, watch, heard):
    file.unlink()
    until(lambda: not watch.is_alive())
    assert heard.is_set()


def test_a_watch_that_ended_by_itself_keeps_no_file_open(file, heard):
    before = open_files()
    ended = FileWatch([file], heard.set)
    file.unlink()
    until(lambda: not ended.is_alive())
    assert open_files() == before
    ended.close()


def test_a_fork_neither_ends_the_watch_of_its_parent_nor_keeps_it_from_ending(file, heard):
    watch = FileWatch([file], heard.set)
    waiting, ending = os.pipe()
    told, telling = os.pipe()
    pid = os.fork()
    if pid == 0:  # pragma: no cover - another process
        os.close(ending)
        watch.close()
        os.write(telling, b"closed")
        os.read(waiting, 1)
        os._exit(0)
    assert os.read(told, 10) == b"closed"
    file.write_text("news")
    assert heard.wait(5)
    closing = Thread(target=watch.close, daemon=True)
    closing.start()
    closing.join(5)
    is_closed = not closing.is_alive()
    for end in (ending, waiting, told, telling):
        os.close(end)
    os.waitpid(pid, 0)
    assert is_closed


def open_files():
    return sorted(os.listdir("/proc/self/fd"))


def test_a_closed_watch_has_no_thread_and_no_open_file(file, heard, monkeypatch):
    watch = FileWatch([file], heard.set)
    assert watch.is_alive()
    watch.close()
    assert not watch.is_alive()
    file.write_text("news")
    assert not heard.wait(0.05)


def test_where_the_kernel_gives_no_watch_there_is_none(file, heard, monkeypatch):
    def refuse(returned):
        raise OSError("too many")

    monkeypatch.setattr(inotify, "_checked", refuse)
    assert watch_files([file], heard.set) is None


def test_elsewhere_there_is_none(file, heard, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert watch_files([file], heard.set) is None
