"""How much memory this process has taken."""

from __future__ import annotations

import sys

from ..engine.presence import memory_in_use


def resident_bytes() -> int:
    """Return the memory of this process that is in use; or the most that ever was.

    It is the latter where the system does not tell the former.
    """
    in_use = memory_in_use()
    return peak_bytes() if in_use is None else in_use


def peak_bytes() -> int:
    import resource  # noqa: PLC0415 - not to be had on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
