"""The index of what waits, in order, and the wake-up. It can be rebuilt from the ledger."""
