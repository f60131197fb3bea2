"""What the sandbox tells a job about files of sources: MessagePack frames in the order of reading.

For each file: `Dictionary`, if one was trained; `Begin`; any number of `Documents`, `Unchanged`, `Rejects`, `Scores`, `Aliases`; `End`.
A file that a guard refuses is told as `Refused` before its `Begin`, so nothing of it has to be taken back.
"""

from __future__ import annotations

from datetime import date, datetime  # noqa: TC003 - msgspec reads annotations when the program runs
from typing import TypeAlias

import msgspec

FRAME_LIMIT_BYTES = 4 << 20
SAMPLE_LIMIT = 500
HASH_BYTES = 16  # blake2b of a document's minified JSON
TRAINED = 0  # Begin.dictionary: the one that the last `Dictionary` frame brought


class Frame(msgspec.Struct, frozen=True, gc=False, tag=True, array_like=True):
    """One message, at most `FRAME_LIMIT_BYTES` when encoded."""


class Dictionary(Frame, frozen=True):
    """A compression dictionary trained on this source's documents; to be kept, and handed in with the next request."""

    source: int
    data: bytes


class Begin(Frame, frozen=True):
    """A file has passed its guards, and its contents follow.

    `complete`: what the file does not hold is gone from the source. `dictionary` names what documents are compressed with: None nothing,
    `TRAINED` the last `Dictionary` frame, else the number that the request gave it.
    """

    file: str  # the input's name in the request
    source: int
    stream: str  # which series of files of the source, such as 2024, modified, baseline
    complete: bool
    dictionary: int | None
    as_of: datetime | None = None  # when the source made the file, as it says itself
    version: str = ""  # KEV's catalogVersion, EPSS's model_version


class Document(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One source's document about one k. Between `Begin` and `End` a k comes once."""

    k: int
    hash: bytes
    modified: datetime | None  # as the source says, aware
    raw: bytes  # minified JSON, compressed with zstd and the dictionary of `Begin`
    record: msgspec.Raw  # the source's struct of schemas/records as MessagePack


class Documents(Frame, frozen=True):
    """Documents that are new or differ from what was known."""

    source: int
    items: list[Document]


class Unchanged(Frame, frozen=True):
    """Documents that are as they were known; `ks` are int64 one after another, little endian."""

    source: int
    count: int
    ks: bytes


class Reject(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One record that cannot be taken, and why."""

    ref: str  # its id if it has one, else its place
    reason: str
    sample: str  # its beginning, at most `SAMPLE_LIMIT` characters


class Rejects(Frame, frozen=True):
    """Records that are left out; the rest goes in."""

    source: int
    items: list[Reject]


class Scores(Frame, frozen=True):
    """A part of a day's EPSS: columns of equal length, little endian; both values in units of 10^-5."""

    score_date: date
    model: str
    count: int
    k: bytes  # int64
    p: bytes  # int32
    percentile: bytes  # int32


class Aliases(Frame, frozen=True):
    """Pairs of EUVD ids and CVEs, int64 one after another, little endian; EUVD's are negative, as `euvd_key_of` makes them."""

    source: int
    count: int
    euvd: bytes
    cve: bytes


class End(Frame, frozen=True):
    """The file is read to its end."""

    file: str
    source: int
    stream: str
    rows: int  # records in the file, rejects included
    distinct: int  # different k among those accepted
    unchanged: int
    rejected: int
    watermark: datetime | None  # latest timestamp of an accepted record; those in the future of the request's `now` do not count
    declared: dict[str, int]  # totals that the file declares
    state: dict[str, str]  # to be kept with the stream: sha256 and size of the uncompressed file, sha256 as packed, as_of, model


class Refused(Frame, frozen=True):
    """A guard refused the file; nothing of it follows."""

    file: str
    code: str  # G1 to G8, or "" where no guard is meant
    message: str


AnyFrame: TypeAlias = Dictionary | Begin | Documents | Unchanged | Rejects | Scores | Aliases | End | Refused

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[AnyFrame] = msgspec.msgpack.Decoder(AnyFrame)


def pack(frame: AnyFrame) -> bytes:
    """Return a frame as one message."""
    return _encoder.encode(frame)


def unpack(message: bytes) -> AnyFrame:
    """Return the frame of a message; msgspec.ValidationError or DecodeError when it is none."""
    return _decoder.decode(message)
