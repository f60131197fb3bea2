"""The signed doorbell: which jobs may be claimed now, on which queue, until when. Pure.

    WFT1 | key id 8 | expires, ms u64 | queue 32 | count u8 | (job id 16 | sequence u32) x count | Ed25519 64

Signed are a domain string, the kind and the Celery message id, then every byte before the signature: neither the
`task` nor the `id` header of a message can be swapped. Numbers are big-endian. One job makes 137 bytes, 64 make 1397.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias
from uuid import UUID

from watchfloor.kernel.errors import Expired, Forged
from watchfloor.kernel.security import SIGNATURE_BYTES, signature_fits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watchfloor.kernel.security import Signer

CONTENT_TYPE: Final = "application/x-wf-ticket"
MAX_JOBS: Final = 64
_MAGIC: Final = b"WFT1"
_DOMAIN: Final = b"watchfloor/ticket/1\0"
_HEAD: Final = struct.Struct(">4s8sQ32sB")
_JOB: Final = struct.Struct(">16sI")
_QUEUE_BYTES: Final = 32
_TEXT_BYTES: Final = 255

Jobs: TypeAlias = "list[tuple[UUID, int]]"


def length_bytes(count: int) -> int:
    """Return how long a ticket for this many jobs is."""
    return _HEAD.size + count * _JOB.size + SIGNATURE_BYTES


MIN_BYTES: Final = _HEAD.size + _JOB.size + SIGNATURE_BYTES
MAX_BYTES: Final = _HEAD.size + MAX_JOBS * _JOB.size + SIGNATURE_BYTES


@dataclass(frozen=True, slots=True)
class TicketKey:
    """What a worker knows about one dispatcher's key."""

    public: bytes
    revoked: bool = False
    not_after_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Ticket:
    """A verified ticket, or the readable part of one when it comes from `parse`."""

    queue: str
    jobs: tuple[tuple[UUID, int], ...]
    expires_ms: int
    kid: bytes


def sign(signer: Signer, kind: str, message_id: str, queue: str, jobs: Sequence[tuple[UUID, int]], expires_ms: int) -> bytes:
    """Return the ticket for 1 to 64 jobs of one kind and queue; a message for one job carries the job's id as its own."""
    if not 1 <= len(jobs) <= MAX_JOBS:
        raise ValueError(f"a ticket carries 1 to {MAX_JOBS} jobs, not {len(jobs)}")
    if len(jobs) == 1 and message_id != str(jobs[0][0]):
        raise ValueError("the message of a single job carries the job's id")
    name = queue.encode("ascii")
    if not 1 <= len(name) <= _QUEUE_BYTES:
        raise ValueError(f"a queue name has 1 to {_QUEUE_BYTES} characters: {queue!r}")
    body = _HEAD.pack(_MAGIC, signer.kid, expires_ms, name, len(jobs)) + b"".join([_JOB.pack(job.bytes, seq) for job, seq in jobs])
    return body + signer.sign(_signed(kind, message_id, body))


def verify(keys: Mapping[bytes, TicketKey], kind: str, message_id: str, queue: str, body: bytes, now_ms: int) -> Ticket:
    """Check a ticket against the message that brought it; `queue` is where it was taken from.

    Raises:
        Forged: `length`, `magic`, `kid`, `revoked`, `signature`, `id` or `queue`, checked in this order.
        Expired: `expired`; the signature was good.
    """
    ticket = parse(body)
    key = keys.get(ticket.kid)
    if key is None:
        raise Forged("kid")
    if key.revoked or (key.not_after_ms is not None and now_ms > key.not_after_ms):
        raise Forged("revoked")
    if not _text_fits(kind) or not _text_fits(message_id):
        raise Forged("id")
    if not signature_fits(key.public, body[-SIGNATURE_BYTES:], _signed(kind, message_id, body[:-SIGNATURE_BYTES])):
        raise Forged("signature")
    if len(ticket.jobs) == 1 and message_id != str(ticket.jobs[0][0]):
        raise Forged("id")
    if ticket.queue != queue:
        raise Forged("queue")
    if now_ms > ticket.expires_ms:
        raise Expired("expired")
    return ticket


def parse(body: bytes) -> Ticket:
    """Read a ticket without checking its signature. Raises Forged `length` or `magic`."""
    if not MIN_BYTES <= len(body) <= MAX_BYTES:
        raise Forged("length")
    magic, kid, expires_ms, name, count = _HEAD.unpack_from(body)
    if magic != _MAGIC:
        raise Forged("magic")
    if not 1 <= count <= MAX_JOBS or len(body) != length_bytes(count):
        raise Forged("length")
    queue = name.rstrip(b"\0").decode("latin-1")
    return Ticket(queue, tuple(_jobs(body, count)), expires_ms, kid)


def slice_(body: bytes) -> Jobs:
    """Return the jobs of a ticket that was already verified in the parent process."""
    return _jobs(body, (len(body) - _HEAD.size - SIGNATURE_BYTES) // _JOB.size)


def queue_of(body: bytes) -> str:
    """Return the queue of a ticket that was already verified."""
    return body[_HEAD.size - 1 - _QUEUE_BYTES : _HEAD.size - 1].rstrip(b"\0").decode("ascii")


def _jobs(body: bytes, count: int) -> Jobs:
    end = _HEAD.size + count * _JOB.size
    return [(UUID(bytes=job), seq) for job, seq in _JOB.iter_unpack(body[_HEAD.size : end])]


def _text_fits(text: str) -> bool:
    return 0 < len(text) <= _TEXT_BYTES and text.isascii()


def _signed(kind: str, message_id: str, body: bytes) -> bytes:
    """Join what the signature covers; lengths in front, so no two messages read alike."""
    task, name = kind.encode("ascii"), message_id.encode("ascii")
    return b"".join((_DOMAIN, bytes((len(task), len(name))), task, name, body))
