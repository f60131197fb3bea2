"""What `watchfloor doctor` runs in a box to see which layers hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

if TYPE_CHECKING:
    from watchfloor.kernel.contract import Report


class Song(BaseModel):
    """Nothing but a sign of life."""

    text: str


def sing(request: Song, _report: Report) -> Song:
    """Return what was sent."""
    return request
