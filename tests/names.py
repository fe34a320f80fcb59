"""Names for what tests keep on this machine: those of one process that runs tests, and of no other.

The process that runs tests makes a folder, and notes it in the environment, where the processes
that its tests start find it. Workers of pytest-xdist find there the one of who started them, who
runs no test, and so look under a variable of their own. Knows no Django.
"""

from __future__ import annotations

import atexit
import os
import shutil
from hashlib import md5
from pathlib import Path
from tempfile import mkdtemp

_WORKER = os.environ.get("PYTEST_XDIST_WORKER")
VARIABLE = f"FLOWRRA_TEST_FOLDER_{_WORKER}" if _WORKER else "FLOWRRA_TEST_FOLDER"


def _make_folder() -> str:
    """Make a folder that goes with this process."""
    folder, maker = mkdtemp(prefix="flowrra_tests_"), os.getpid()

    def remove() -> None:
        if os.getpid() == maker:
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return folder


if VARIABLE not in os.environ:
    os.environ[VARIABLE] = _make_folder()

FOLDER = Path(os.environ[VARIABLE])
NAME = f"flowrra_test_{md5(str(FOLDER).encode()).hexdigest()[:12]}"
"""Of a database or a namespace, on servers that others may use too."""
