"""The worker: one process with an executor for each kind of code, and what keeps it honest."""
