"""What may be looked at."""

from __future__ import annotations

from functools import cached_property

from watchfloor.capabilities.scans.schemas.words import Port, PortRange, Shape


class PortScope(Shape):
    """Networks and domains that may be looked at on these ports only."""

    ports: tuple[PortRange, ...]
    networks: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()


class ControlPoint(Shape):
    """A port of this installation's own database, broker or API, on a range of addresses; never contacted."""

    first: str
    last: str
    port: Port
    what: str = ""


class Scope(Shape):
    """What an organisation allowed to be looked at.

    A domain covers itself and its subdomains and allows the public addresses they resolve to; a private address is allowed by
    `networks` only. Loopback and link-local addresses are allowed only by a network that lies inside those ranges.
    """

    networks: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    limited: tuple[PortScope, ...] = ()
    excluded: tuple[str, ...] = ()
    excluded_names: tuple[str, ...] = ()
    control: tuple[ControlPoint, ...] = ()

    def __hash__(self) -> int:
        """Count once: what a scope allows is kept by scope and asked for each address, and thousands of entries take a while."""
        return self._hashed

    @cached_property
    def _hashed(self) -> int:
        return hash(tuple(getattr(self, name) for name in type(self).model_fields))
