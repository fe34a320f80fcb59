"""Where this site's news comes from."""

from __future__ import annotations

from .. import runtime
from . import layer
from .following import LONGEST, LONGEST_BESIDE_PUSH, Follower
from .hub import Hub, Source, hub_of_loop


def hub() -> Hub:
    """Return the hub of the running loop."""
    return hub_of_loop(_sources)


def _sources() -> list[Source]:
    stores = runtime.get_stores()
    if layer.pushing_layer() is None:
        return [Follower(stores, LONGEST).follow]
    return [layer.receive, Follower(stores, LONGEST_BESIDE_PUSH).follow]
