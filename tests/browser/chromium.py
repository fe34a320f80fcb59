"""Where a Chromium is: the one that the environment names, or one on PATH."""

from __future__ import annotations

import os
import shutil
from importlib import util

from tests import servers

KIND = "browser"
VARIABLE = "CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome")
DRIVERS = ("playwright", "uvicorn", "websockets")


def found() -> str | None:
    """Return the path of a Chromium; None if there is none."""
    named = os.environ.get(VARIABLE)
    if named:
        return shutil.which(named)
    return next(filter(None, map(shutil.which, NAMES)), None)


def why_not() -> str:
    """Return why no test can drive a browser here; "" if one can."""
    missing = [name for name in DRIVERS if util.find_spec(name) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    if found() is None:
        return f"no Chromium: set {VARIABLE}, or have one of {', '.join(NAMES)} on PATH"
    return ""


def is_required() -> bool:
    """Whether it is a failure, and no reason to skip a test, that there is none."""
    return servers.is_required(KIND)
