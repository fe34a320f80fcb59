"""Clocks that are wrong."""

from __future__ import annotations

from .checker import Wanted
from .engines import SQLITE
from .scenario import fault
from .site import Site

UNHARMED = Wanted(most_starts=1, most_attempts=1)


@fault("9 the machine's clock set on by an hour", off=("two looks",), engines=(SQLITE,))
def test_a_clock_that_is_set_on_makes_nobody_give_up_a_worker_that_lives(site: Site) -> None:
    """On SQLite all go by the clock of one machine: no worker can have another."""
    clock = site.folder / "clock"
    clock.write_text("0")
    moved = {"FLOWRRA_TEST_MISHAP": "moved clock", "FLOWRRA_TEST_CLOCK": str(clock)}
    for _ in range(3):
        site.start_worker(settings={"HEARTBEAT_INTERVAL": 0.9, "RESCUE_INTERVAL": 0.2}, **moved)
    site.wait_until(lambda: site.web.workers() == 3)
    keys = site.enqueue("nap", 20, 4.0, UNHARMED) + site.enqueue("doze", 8, 4.0, UNHARMED)
    delayed = site.enqueue("nap", 1, 0.1, run_after=1800)
    site.wait_until(lambda: site.started(keys) == len(keys))
    site.complain_unless(not site.started(delayed), "run too early")
    for hours in range(1, 6):
        clock.write_text(str(hours * 3600))
        site.wait_until(lambda: site.ended(keys) == len(keys), 0.8)
    site.wait_until(lambda: site.ended(keys) == len(keys))
