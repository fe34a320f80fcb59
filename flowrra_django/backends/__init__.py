"""The ledger: one record per job, the single truth of its state."""
