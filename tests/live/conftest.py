from __future__ import annotations

import pytest

from tests.live.watching import session_of


@pytest.fixture
def staff(transactional_db: None) -> str:
    """Give the session of one who may view task results."""
    return session_of("view_taskrecord", is_staff=True)
