"""A shard's share of the limits that all running scans keep together."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.engine import rates as sharing
from watchfloor.capabilities.scans.schemas import Rates
from watchfloor.capabilities.scans.settings import ScanSettings
from watchfloor.kernel import clock
from watchfloor.kernel.settings import read_settings

if TYPE_CHECKING:
    from watchfloor.capabilities.scans.queries.write import Taken
    from watchfloor.kernel.contract import JobContext

BETWEEN_LOOKS_S = 0.5
WAITS = "other scans are looking at these addresses; this part waits for its turn"


class Share:
    """Leased for 15 s, renewed with every part that is kept. A host belongs to one shard at a time."""

    def __init__(self, context: JobContext, taken: Taken) -> None:
        """Know what has to be leased; nothing is yet."""
        self._context, self._spans, self._request = context, taken.part.spans, taken.scan.request
        self._total = sum(taken.part.totals.values())
        self._settings = read_settings(ScanSettings, "scans")
        self._wants = sharing.wants(taken.part.spans, taken.scan.id, taken.scan.request.max_rate, self._settings)
        self._shares: dict[str, float] | None = None

    def wait_for_first(self, deadline: float) -> bool:
        """Wait politely until no other shard has one of our hosts; False when that took until `deadline` (monotonic seconds)."""
        while clock.monotonic() < deadline:
            if self.renew():
                return True
            self._context.progress(0, self._total, "waiting", json.dumps({"waits": WAITS}))
            self._context.wait(BETWEEN_LOOKS_S)
        return False

    def renew(self) -> bool:
        """Take or renew the share; False while somebody else has one of our hosts."""
        self._shares = self._context.lease(self._wants)
        return self._shares is not None

    def rates(self) -> Rates:
        """Return what may be sent until the next renewal; nothing while there is no share."""
        if self._shares is None:
            return Rates(total=0.0)
        return sharing.rates(self._shares, self._spans, self._request.profile, self._settings)
