"""The job ledger: requests, attempts, schedules, batches, and the rules they live by."""
