"""The watchdog ends a process whose parts fall silent, and no other."""

from __future__ import annotations

import subprocess
import sys

import pytest

from flowrra_django.worker.watchdog import EXIT_CODE

SCRIPT = """
import sys, time
from flowrra_django.worker.watchdog import Watchdog

def waits_in_vain():
    time.sleep(5)

began = time.monotonic()
watchdog = Watchdog(0.3, {{
    "This part": time.monotonic,
    "That part": lambda: {sign},
}})
watchdog.start()
{action}
watchdog.stop()
"""


def run(sign: str, action: str) -> subprocess.CompletedProcess[str]:
    script = SCRIPT.format(sign=sign, action=action)
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=10, check=False
    )


def test_a_silent_part_ends_the_process_and_shows_where_it_hangs():
    ended = run("began", "waits_in_vain()")
    assert ended.returncode == EXIT_CODE == 70
    assert "That part has been silent for 0.3 s" in ended.stderr
    assert "in waits_in_vain" in ended.stderr


@pytest.mark.parametrize(
    ("sign", "action"),
    [("time.monotonic()", "time.sleep(0.6)"), ("began", "watchdog.stop(); time.sleep(0.6)")],
    ids=["all parts alive", "stopped"],
)
def test_it_leaves_a_process_alone(sign, action):
    ended = run(sign, action)
    assert (ended.returncode, ended.stderr) == (0, "")
