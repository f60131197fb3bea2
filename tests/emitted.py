"""Check every event that the program itself emits while tests run against the shape that is declared for it."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from pydantic import ValidationError

from watchfloor.kernel.events import outbox

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType


class Emitted:
    """What was emitted: the names that were seen, and in `wrong` what does not fit its shape. What tests make up is left alone."""

    def __init__(self) -> None:
        """Know nothing."""
        self.seen: set[str] = set()
        self.wrong: list[str] = []

    def check(self, name: str, data: dict[str, Any]) -> None:
        """Remember an event, and what is wrong with it."""
        from watchfloor.catalog import CATALOG  # noqa: PLC0415 - most tests emit nothing

        self.seen.add(name)
        declared = CATALOG.events().get(name)
        if declared is None:
            self.wrong.append(f"{name} is declared nowhere")
            return
        try:
            declared[1].model_validate_json(json.dumps(data), strict=True)
        except ValidationError as error:
            self.wrong.append(f"{name}: {error}")


@contextmanager
def watching() -> Iterator[Emitted]:
    """Look at all that is emitted."""
    found, rows = Emitted(), outbox._rows

    def looked_at(org: Any, events: Sequence[outbox.Told], job: Any) -> dict[str, Any]:
        if _ours(sys._getframe(1)):
            for one in events:
                found.check(one.name, one.data)
        return rows(org, events, job)

    with patch.object(outbox, "_rows", looked_at):
        yield found


def _ours(frame: FrameType | None) -> bool:
    """Tell whether the program emits, and not a test."""
    while frame is not None and frame.f_globals.get("__name__") == outbox.__name__:
        frame = frame.f_back
    return frame is not None and str(frame.f_globals.get("__name__")).startswith("watchfloor.")
