"""Each switch finds in the product what it turns off."""

from __future__ import annotations

import os
import subprocess
import sys

from tests import names
from tests.support import ROOT

from .engines import SETTINGS

TURN_EACH_OFF = """
import os, sys, django
django.setup()
from tests.faults.switches import SWITCHES, turn_off
for name in SWITCHES:
    if os.fork() == 0:  # each in a process of its own: they change what the others look for
        try:
            turn_off(name)
        except BaseException as error:
            print(f"{name}: {error!r}", flush=True)
        os._exit(0)
    os.wait()
print(len(SWITCHES), "tried")
"""


def test_each_switch_finds_what_it_turns_off(tmp_path):
    environment = {"DJANGO_SETTINGS_MODULE": SETTINGS, names.VARIABLE: str(tmp_path)}
    tried = subprocess.run(
        [sys.executable, "-c", TURN_EACH_OFF],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert tried.stdout.endswith("tried\n")
    assert tried.stdout.count("\n") == 1, tried.stdout
