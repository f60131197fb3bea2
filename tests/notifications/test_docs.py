"""What docs/notifications.md tells receivers to run checks our webhooks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from watchfloor.capabilities.notifications.engine.sign import shared_key, signed_headers
from watchfloor.kernel.clock import now

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = Path(__file__).parents[2] / "docs" / "notifications.md"
OLD, NEW, OTHER = (shared_key(bytes([n]) * 32) for n in (1, 2, 3))


def snippet() -> Callable[[str, dict[str, str], bytes], bool]:
    found = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    names: dict[str, Any] = {}
    exec(found[1], names)  # noqa: S102 - our own page
    return names["genuine"]  # type: ignore[no-any-return] # its annotations say so


def test_the_page_shows_how_to_check_a_webhook() -> None:
    genuine, body = snippet(), b'{"type": "scans.finished"}'
    headers = signed_headers([NEW, OLD], "msg_1", now(), body)
    assert [genuine(key, headers, body) for key in (NEW, OLD, OTHER)] == [True, True, False]
    assert not genuine(NEW, headers, body + b" ")
    assert not genuine(NEW, headers | {"webhook-id": "msg_2"}, body)
    assert not genuine(NEW, headers | {"webhook-timestamp": "1000000000"}, body)
