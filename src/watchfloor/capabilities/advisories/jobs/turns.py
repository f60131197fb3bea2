"""Let threads that talk to the database have the interpreter back soon."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS: Final = 0.0005


@contextmanager
def short_turns() -> Iterator[None]:
    """Shorten the turns of threads in this process.

    Whoever talks to the database lets go of the interpreter for each piece that is sent. A thread that computes beside it would keep it for
    its whole turn each time, five milliseconds as Python has them, and the database would wait for longer than it works.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
