"""What the boxes that make a PDF are asked for, and what they answer."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from watchfloor.capabilities.reports.schemas.snapshot import Options


class Shape(BaseModel):
    """Frozen, unknown fields refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Sort(StrEnum):
    """What a part shows; each is a template of this name."""

    FRONT = "front"
    LIST = "list"
    DETAILS = "details"
    SECTION = "section"
    BACK = "back"


class Piece(Shape):
    """One part: `count` rows of a table, the first of them number `first` (from 0) and in the snapshot at byte `offset`."""

    sort: Sort
    title: str
    table: str = ""
    offset: int = 0
    first: int = 0
    count: int = 0
    level: int = 1  # of its heading in the whole document
    section: str = ""
    intro: bool = False  # what the section says besides its rows comes first
    more: tuple[Piece, ...] = ()  # further tables of the section, whole, that stand in the same part


class PlanRequest(Shape):
    """The snapshot is the file `snapshot`."""

    options: Options


class Plan(Shape):
    """The parts in their order, and what they show of how much. `gravest` are those that the summary names."""

    pieces: tuple[Piece, ...]
    rows_shown: int
    rows_total: int
    left_out: dict[str, int]
    findings: int
    gravest: Piece
    in_full: int
    sha256: str


class Attached(Shape):
    """A file that travels inside the PDF; where `inside` is false it was too large, and only its name and hash are told."""

    name: str
    size: int
    sha256: str
    inside: bool


class PartRequest(Shape):
    """Parts of the plan to compile one after the other, by their numbers.

    `pages` says how many pages the parts have that are there already; the front, which names pages, comes when those of all parts between it
    and the back are known; when all are, no numbers ask for those of the pages. `missing` and `cut` count what parts before these could not show.
    `fonts` are the names of the operator's fonts, which are the files `font-0`, `font-1` and so on.
    """

    options: Options
    numbers: tuple[int, ...]
    pages: dict[int, int] = {}
    attached: tuple[Attached, ...] = ()
    plan: Plan
    missing: int = 0
    cut: int = 0
    fonts: tuple[str, ...] = ()


class Done(Shape):
    """One part: how many pages it has, and how many bytes."""

    pages: int
    size: int


class Compiled(Shape):
    """Parts as PDF, sent as frames one after the other, or `stamp` bytes with the number of each page.

    `missing` counts characters no font has, `cut` texts that were too long for a page; each is marked where it stands.
    """

    parts: tuple[Done, ...]
    stamp: int
    missing: int
    cut: int


class MergeRequest(Shape):
    """The parts lie one after the other in the file `parts`: where each begins, and how long it is.

    `starts` are the pages on which they begin in the whole, from 1, and the one after the last.
    """

    options: Options
    spans: tuple[tuple[int, int], ...]
    levels: tuple[int, ...]
    titles: tuple[str, ...]
    starts: tuple[int, ...]
    attached: tuple[Attached, ...]
    stamp: tuple[int, int]


class Merged(Shape):
    """The whole document, sent as frames."""

    pages: int
    elements: int
