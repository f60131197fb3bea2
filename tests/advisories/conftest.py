"""A ledger, organisations, a client, and a worker."""

from tests.advisories.floor import worker
from tests.api.floor import http, ledger, org, owner, stranger
from tests.api.worker import nursery

__all__ = ["http", "ledger", "nursery", "org", "owner", "stranger", "worker"]
