"""What a file of any source is once its sort is known: how its records are read, and what it says about itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from watchfloor.capabilities.advisories.feeds.split import lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    import msgspec

    from watchfloor.capabilities.advisories.feeds.decode import Form
    from watchfloor.capabilities.advisories.feeds.opened import Content
    from watchfloor.capabilities.advisories.feeds.split import Bad


class Records(Protocol):
    """The records of one file; each iteration reads it again from the beginning."""

    def __iter__(self) -> Iterator[bytes | msgspec.Raw | Bad]: ...


@dataclass(frozen=True)
class About:
    """What a file says about itself."""

    as_of: datetime | None = None
    version: str = ""
    declared: dict[str, int] = field(default_factory=dict)
    held: int | None = None  # length of the array that must equal `declared["total"]`; None: nobody promised that
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reading:
    """A file whose sort is known."""

    form: Form[Any]
    records: Records
    stream: str
    about: Callable[[], About]  # valid after the records were read to the end once
    complete: bool = False  # what is not in it is gone from the source
    share: float | None = None  # how much of the last accepted set must be there again; None: not a complete set
    content: Content | None = None  # where size and checksum stand; None for archives


class Lines:
    """Records as JSON lines."""

    def __init__(self, content: Content) -> None:
        """Read from unpacked content."""
        self._content = content

    def __iter__(self) -> Iterator[bytes | Bad]:
        """Yield each line."""
        return lines(self._content.ahead())


class Single:
    """A document that is one record."""

    def __init__(self, content: Content) -> None:
        """Read from unpacked content."""
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        """Yield it."""
        yield self._content.whole()
