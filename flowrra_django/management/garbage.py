"""How often Python looks for garbage in a process that is a worker and nothing else."""

from __future__ import annotations

import gc

YOUNG = 10_000  # objects: a batch of jobs has some thousands, and is gone in a moment


def look_less_often() -> None:
    """Look for garbage among what jobs leave behind, not among the site's modules each time.

    A site that has set a higher threshold, or none, keeps it.
    """
    gc.freeze()
    first, *others = gc.get_threshold()
    if 0 < first < YOUNG:
        gc.set_threshold(YOUNG, *others)
