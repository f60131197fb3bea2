"""A ledger, organisations, a client, and a zygote."""

from tests.api.floor import http, ledger, org, owner, stranger
from tests.api.worker import nursery

__all__ = ["http", "ledger", "nursery", "org", "owner", "stranger"]
