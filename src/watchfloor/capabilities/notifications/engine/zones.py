"""Time zones: local times to moments, also on days when clocks are changed. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from watchfloor.kernel.errors import InvalidInput


def parse_zone(name: str, *, field: str = "/timezone") -> ZoneInfo:
    """Return the zone of this name. Raises InvalidInput."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput(f"{name[:60]!r} is no time zone such as Europe/Berlin or UTC.", field=field) from None


def known_zone(name: str) -> tuple[tzinfo, bool]:
    """Return the zone and True; UTC and False for a zone that was known once: who wished it must be told."""
    try:
        return parse_zone(name), True
    except InvalidInput:
        return UTC, False


def moments(local: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return the two moments, in UTC, that a naive local time can mean, the earlier one first.

    They differ only around a change of clocks: a time that comes twice means both, one that is skipped means what it would have been
    before the change and after it.
    """
    one, other = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return (one, other) if one <= other else (other, one)


def moment(local: datetime, zone: tzinfo) -> datetime:
    """Return one moment for each local time: the first of two, and a skipped time as if clocks had not been changed yet."""
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def local_of(moment_utc: datetime, zone: tzinfo) -> datetime:
    """Return what clocks show, naive."""
    return moment_utc.astimezone(zone).replace(tzinfo=None)
