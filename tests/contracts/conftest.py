"""What the contract suites stand on."""

from tests.contracts.stores import (  # noqa: F401
    backend,
    broker,
    clock,
    ledger,
    ledger_database,
    ledger_tables,
    pair,
    stores,
)
