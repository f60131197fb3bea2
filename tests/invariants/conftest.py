"""A ledger, organisations and a client."""

from tests.api.floor import http, ledger, org, owner, platform, stranger

__all__ = ["http", "ledger", "org", "owner", "platform", "stranger"]
