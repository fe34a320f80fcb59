"""Addresses of single jobs: who has one may see how that job stands, until it expires."""

from __future__ import annotations

import time
from typing import NamedTuple

from django.core import signing

SALT = "flowrra_django.live"
A_DAY = 86_400


class Pass(NamedTuple):
    """What an address allows: to watch one job, until a moment in Unix time."""

    task_id: str
    expires: float

    @property
    def seconds_left(self) -> float:
        return self.expires - time.time()


def sign(task_id: str, max_age: int = A_DAY) -> str:
    """Return what stands for a job in an address, for `max_age` seconds."""
    return signing.dumps([task_id, time.time() + max_age], salt=SALT)


def read(token: str) -> Pass:
    """Return what an address allows; BadSignature if it is not ours, SignatureExpired if it was."""
    task_id, expires = signing.loads(token, salt=SALT)
    granted = Pass(task_id, expires)
    if granted.seconds_left <= 0:
        raise signing.SignatureExpired("The address has expired.")
    return granted
