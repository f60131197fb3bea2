"""Who may know of an event: people whose role holds the permission that reads its subject. The organisation itself may know of all."""

from __future__ import annotations

from watchfloor.capabilities.notifications.engine.known import permission_of
from watchfloor.capabilities.notifications.settings import NotificationSettings
from watchfloor.kernel.settings import read_settings
from watchfloor.kernel.tenancy.members import UNLISTED
from watchfloor.kernel.tenancy.permissions import roles_with


class Knowing:
    """What roles may know of, by event; every permission is resolved once."""

    def __init__(self) -> None:
        """Read what people are of whom nothing is known."""
        self._unlisted = read_settings(NotificationSettings, "notifications").unlisted_role
        self._readers: dict[str, frozenset[str | None]] = {}

    def may(self, event: str, *roles: str | None) -> bool:
        """Tell whether all of these roles may know of an event; None is the organisation, which may."""
        readers = self._readers.get(event)
        if readers is None:
            readers = self._readers[event] = self._resolved(event)
        return readers.issuperset(roles)

    def _resolved(self, event: str) -> frozenset[str | None]:
        roles = roles_with(permission_of(event))
        return frozenset({*roles, None, *([UNLISTED] if self._unlisted in roles else [])})
