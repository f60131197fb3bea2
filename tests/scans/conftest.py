"""A ledger, organisations, a client, and a worker."""

from tests.api.floor import http, ledger, org, owner, stranger
from tests.api.worker import nursery
from tests.scans.floor import loopback, worker

__all__ = ["http", "ledger", "loopback", "nursery", "org", "owner", "stranger", "worker"]
