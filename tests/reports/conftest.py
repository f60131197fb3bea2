"""A ledger, organisations, a client, and a zygote."""

from tests.api.floor import http, ledger, org, owner, stranger
from tests.scans.floor import nursery

__all__ = ["http", "ledger", "nursery", "org", "owner", "stranger"]
