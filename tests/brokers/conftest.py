"""The fixtures of the contract suites serve here too."""

from tests.contracts.stores import clock, ledger_database, ledger_tables  # noqa: F401
