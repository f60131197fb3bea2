"""Which addresses from outside may be followed: web addresses that say where they lead. Pure."""

from __future__ import annotations

import re

# Printable ASCII only: no host in look-alike letters, no user before the host, no port out of range, nothing hidden.
WEB = re.compile(r"https?://[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(?::[0-9]{1,5})?(?:[/?#][!-~]*)?\Z", re.IGNORECASE)
MOST = 2_000


def web(text: str) -> str | None:
    """Return the address if a reader may be led there, otherwise None: it is then shown and not linked."""
    return text if len(text) <= MOST and WEB.match(text) else None
