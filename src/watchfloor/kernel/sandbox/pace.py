"""How often a box may tell something: beyond that it is a flood, unless it could not be heard before."""

from __future__ import annotations

from dataclasses import dataclass

from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.sandbox.wire import Malformed


@dataclass
class Pace:
    """Counts frames of one kind; Malformed beyond `most` within a second."""

    most: int
    what: str
    _second: float = 0.0
    _count: int = 0
    _spare: float = 0.0

    def count(self) -> None:
        """Count one more."""
        now = monotonic()
        if now - self._second >= 1:
            self._second, self._count = now, 0
        if self._count < self.most:
            self._count += 1
        elif self._spare >= 1:
            self._spare -= 1
        else:
            message = f"more than {self.most} {self.what} in one second"
            raise Malformed(message)

    def forgive(self, seconds: float) -> None:
        """Allow as many more as these seconds would have."""
        self._spare = min(self._spare + seconds * self.most, 60.0 * self.most)
