"""A worker's presence, and how processes are told apart."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flowrra_django.backends.answers import WorkerInfo
from flowrra_django.backends.memory import InMemoryBackend
from flowrra_django.engine.presence import (
    Presence,
    describe_process,
    is_process_gone,
    new_worker_id,
)
from flowrra_django.engine.wiring import describe_self
from flowrra_django.job import Kind

NOBODY = 2**22 + 1  # above the highest pid there can be


@pytest.fixture
def ledger():
    return InMemoryBackend()


@pytest.fixture
def presence(ledger):
    return Presence(ledger, WorkerInfo(worker_id="w", host="here", queues=("a",)))


def workers(ledger):
    return [beat.worker for beat in ledger.beats()]


def test_a_worker_appears_beats_and_goes(ledger, presence):
    assert presence.worker_id == "w"
    presence.enlist()
    (first,) = ledger.beats()
    presence.beat()
    (second,) = ledger.beats()
    assert second.worker == first.worker == presence.info
    assert second.at >= first.at
    presence.dismiss()
    assert workers(ledger) == []


def test_a_worker_that_was_given_up_comes_back_as_new_with_all_else_as_it_was(
    ledger, presence, caplog
):
    presence.enlist()
    ledger.dismiss("w")
    presence.beat()
    assert presence.worker_id != "w"
    assert workers(ledger) == [presence.info]
    assert (presence.info.host, presence.info.queues) == ("here", ("a",))
    assert f"it goes on as {presence.worker_id}" in caplog.text
    presence.beat()
    assert len(workers(ledger)) == 1


def test_ids_are_new():
    assert len({new_worker_id() for _ in range(1000)}) == 1000


def test_a_process_describes_itself_as_others_do():
    assert describe_process() == describe_process(os.getpid())
    boot, namespace, pid, start = describe_process().split()
    assert boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert namespace.startswith("pid:[")
    assert int(pid) == os.getpid()
    assert int(start) > 0


def test_one_that_runs_is_not_gone_and_one_that_ended_is():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        name = describe_process(child.pid)
        assert name
        assert not is_process_gone(name)
        assert not is_process_gone(describe_process())
    assert is_process_gone(name)


def test_one_that_has_ended_and_waits_to_be_buried_is_gone():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    name = describe_process(child.pid)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert describe_process(child.pid) == ""
    assert is_process_gone(name)
    child.communicate()


def hide_all_but_oneself(monkeypatch):
    """Have /proc show what it shows of others where it is mounted with hidepid=2."""
    read_text = Path.read_text

    def read(path, *args, **options):
        pid = path.parts[2]
        if path.is_relative_to("/proc") and pid.isdigit() and int(pid) != os.getpid():
            raise FileNotFoundError(path)
        return read_text(path, *args, **options)

    monkeypatch.setattr(Path, "read_text", read)


def test_one_that_runs_and_is_hidden_is_not_gone_and_one_that_ended_is(monkeypatch):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        name = describe_process(child.pid)
        hide_all_but_oneself(monkeypatch)
        assert describe_process(child.pid) == ""
        assert not is_process_gone(name)
    assert is_process_gone(name)


def test_one_of_another_user_that_is_hidden_is_not_gone(monkeypatch):
    def refuse(pid, number):
        raise PermissionError

    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        name = describe_process(child.pid)
        hide_all_but_oneself(monkeypatch)
        monkeypatch.setattr(os, "kill", refuse)
        assert not is_process_gone(name)


ASK = """
import sys
from flowrra_django.engine.presence import describe_process, is_process_gone
assert describe_process(), "nothing can be known here"
assert describe_process(int(sys.argv[1].split()[2])) == "", "it is not hidden"
print(is_process_gone(sys.argv[1]))
"""


def test_a_proc_that_hides_the_processes_of_others_gives_none_of_them_up():
    within = (
        "mount -t proc -o hidepid=2 proc /proc && "
        'exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"'
    )
    hidden = ["unshare", "-m", "sh", "-c", within, "sh"]
    try:
        subprocess.run([*hidden, sys.executable, "-c", ""], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"This takes root, and the right to mount: {error}")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        name = describe_process(child.pid)
        ask = [*hidden, sys.executable, "-c", ASK, name]
        answer = subprocess.run(ask, check=True, capture_output=True, text=True)
    assert answer.stdout.strip() == "False"


def test_a_later_process_with_the_same_pid_is_another():
    boot, namespace, pid, start = describe_process().split()
    assert is_process_gone(f"{boot} {namespace} {pid} {int(start) - 1}")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "nonsense",
        f"another-boot pid:[1] {NOBODY} 1",
        f"{describe_process().split()[0]} pid:[1] {NOBODY} 1",
    ],
)
def test_what_cannot_be_known_from_here_is_not_called_gone(name):
    assert is_process_gone(name) is False


def test_nobody_is_described_as_nothing():
    assert describe_process(NOBODY) == ""


def test_this_process_describes_itself_as_a_worker():
    one, two = describe_self(kinds=(Kind.IO,)), describe_self(version="1.2")
    assert one.worker_id != two.worker_id
    assert (one.pid, one.process) == (os.getpid(), describe_process())
    assert one.host
    assert (one.kinds, two.version) == ((Kind.IO,), "1.2")
