"""Take a bundle apart in the sandbox: its members in their order, as frames, within limits; whoever hears them judges them."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING, TypeAlias

import msgspec
import zstandard
from pydantic import BaseModel

from watchfloor.capabilities.advisories.feeds.guards import MEMBER_LIMIT, TOTAL_LIMIT, refuse
from watchfloor.capabilities.advisories.schemas.bundle import MEMBERS_MAX

if TYPE_CHECKING:
    from watchfloor.capabilities.advisories.schemas.feed import Box

INPUT = "bundle"
PIECE = 1 << 20
WINDOW_LIMIT = 128 << 20


class Opening(BaseModel):
    """Nothing to ask beside the file."""


class Opened(BaseModel):
    """How many members there were."""

    members: int


class Start(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A member begins."""

    name: str


class Piece(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A part of the member that began last."""

    data: bytes


Part: TypeAlias = Start | Piece
_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Part] = msgspec.msgpack.Decoder(Part)


def part_of(message: bytes) -> Part:
    """Return the part that a frame tells."""
    return _decoder.decode(message)


def open_bundle(_request: Opening, report: Box) -> Opened:
    """Read a bundle once, front to back.

    Raises:
        SourceChanged: "G2: …" or "G4: …": it is no bundle, damaged, or larger than one is.
    """
    total = members = 0
    with report.file(INPUT) as file:
        unpacked = zstandard.ZstdDecompressor(max_window_size=WINDOW_LIMIT).stream_reader(file, read_across_frames=False)
        try:
            with tarfile.open(fileobj=unpacked, mode="r|") as tar:
                for member in tar:
                    members += 1
                    if not member.isreg() or members > MEMBERS_MAX or member.size > MEMBER_LIMIT:
                        refuse("G4", f"holds {member.name[:60]!r}, which no bundle does")
                    total += member.size
                    if total > TOTAL_LIMIT:
                        refuse("G4", f"holds more than {TOTAL_LIMIT} bytes")
                    content = tar.extractfile(member)
                    report.send(_encoder.encode(Start(member.name)))
                    while content is not None and (data := content.read(PIECE)):
                        report.send(_encoder.encode(Piece(data)))
        except (tarfile.TarError, zstandard.ZstdError, EOFError, UnicodeError) as error:
            refuse("G2", f"is no bundle, or a damaged one ({error}); copy it again")
    return Opened(members=members)
