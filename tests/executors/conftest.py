"""What the executors' tests stand on."""

from tests.contracts.stores import clock, ledger_database, ledger_tables  # noqa: F401
