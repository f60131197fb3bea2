"""How tests are dealt to the processes that run them: file by file, what takes long first, so that none is left working alone."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from xdist.scheduler import LoadFileScheduling

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

# Their tests kill what they share, and it is dear to start: one process runs them, one after the other.
TOGETHER = "tests/chaos/"


class Dealing(LoadFileScheduling):  # type: ignore[misc] # published without types
    """Deals files in the order in which they were collected; xdist's own ends with those of few tests, which take longest."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        """Keep the order."""
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return TOGETHER if nodeid.startswith(TOGETHER) else str(super()._split_scope(nodeid))


def longest_first(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Return what one process runs together, then the files with most slow tests, then those with most tests."""
    tests, slow = Counter(item.path for item in items), Counter(item.path for item in items if item.get_closest_marker("slow"))
    return sorted(items, key=lambda item: (not item.nodeid.startswith(TOGETHER), -slow[item.path], -tests[item.path]))
