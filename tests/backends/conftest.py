"""What the suites of single engines share with those of the contracts."""

from tests.contracts.stores import stores  # noqa: F401
