"""Places: where sealed bytes lie; a place sees ciphertext and addresses, never a key, a name or a plain byte."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple, Protocol

from watchfloor.kernel.artifacts.settings import PlaceName, artifact_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import timedelta
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.kernel.db.session import Database


class Lying(NamedTuple):
    """What a place holds at one address; `age` is None where nothing can lie without its row."""

    address: bytes
    size_bytes: int
    age: timedelta | None


def address_named(name: str, folder: str) -> bytes | None:
    """Return the address whose file or object has this name in this folder; None when it is none of ours."""
    try:
        address = bytes.fromhex(name)
    except ValueError:
        return None
    return address if address.hex() == name and name[:2] == folder else None


def between(first: int | None) -> dict[str, bytes | None]:
    """Return the bounds of all addresses that begin with a byte, or of all: `low` is the first, `high` the first beyond."""
    return {"low": b"" if first is None else bytes([first]), "high": None if first in {None, 0xFF} else bytes([(first or 0) + 1])}


class Place(Protocol):
    """Keeps sealed parts of one size, one after the other, at an address made of an organisation's content.

    Everything stored at one address has the same content and opens the same way, so writing it again, also at the same time, is harmless.
    All raise SourceUnavailable when the place does not answer or is full, and SetupError when its settings are wrong.
    """

    def scratch(self) -> Path | None:
        """Return where drafts of files may lie until their address is known; None for the system's own directory."""

    def put(self, session: Session | None, org: UUID, address: bytes, parts: Iterable[bytes]) -> None:
        """Keep all parts at an address, all of them or none; they last beyond a power cut once this returns.

        Only the place in the database needs a session; with it bytes come and go with the transaction.
        """

    def fetch(self, database: Database, org: UUID, address: bytes, n: int, start: int, size_bytes: int) -> bytes | None:
        """Return part `n`, of `size_bytes` from byte `start` on; None when nothing lies there. Shorter when the file is cut off."""

    def look(self, session: Session, org: UUID, address: bytes) -> Lying | None:
        """Return what lies at an address; None when nothing does."""

    def drop(self, session: Session, org: UUID, address: bytes) -> None:
        """Forget what lies at an address; nothing there is fine."""

    def listing(self, database: Database, org: UUID, first: int | None) -> Iterator[Lying]:
        """Yield all that lies at addresses that begin with this byte, or at any, in any order."""

    def clear_drafts(self, org: UUID, older_than: timedelta, *, dry_run: bool = False) -> int:
        """Remove what writers that died have left behind and return how many; with `dry_run` only count."""


@cache
def place_named(name: PlaceName) -> Place:
    """Return a place; loads its library now. Raises SetupError when its settings are not complete."""
    settings = artifact_settings()
    if name is PlaceName.DIRECTORY:
        from watchfloor.kernel.artifacts.places.directory import Directory  # noqa: PLC0415 - only what is used is loaded

        return Directory(settings.folder())
    if name is PlaceName.S3:
        from watchfloor.kernel.artifacts.places.s3 import Bucket  # noqa: PLC0415 - see above

        return Bucket(settings)
    from watchfloor.kernel.artifacts.places.postgres import Table  # noqa: PLC0415 - see above

    return Table()
