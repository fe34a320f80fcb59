"""What the runners' tests stand on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from .processes import Running, running


@pytest.fixture
async def run() -> AsyncIterator[Running]:
    """Run functions on a process runner of one slot."""
    async with running() as run:
        yield run
