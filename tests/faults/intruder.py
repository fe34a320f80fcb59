"""What must never be imported because a row in the table names it."""

import os
from pathlib import Path

from .journal import VARIABLE

Path(os.environ[VARIABLE]).with_name("intruded").touch()


def break_in():
    """Do nothing more: it was enough to be imported."""
