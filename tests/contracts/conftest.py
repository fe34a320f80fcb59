"""What the contract suites stand on, beside what all tests do."""

from tests.contracts.benches import bench, store  # noqa: F401
from tests.contracts.stores import backend, broker, ledger, pair, stores, worker  # noqa: F401
