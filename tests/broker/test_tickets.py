"""The ticket: what verifies, and each way in which it does not."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.kernel.errors import Expired, Forged, Untrusted
from watchfloor.kernel.jobs.broker import tickets
from watchfloor.kernel.security import Signer

SIGNER, OTHER = Signer(bytes(range(32))), Signer(bytes(32))
KEYS = {SIGNER.kid: tickets.TicketKey(SIGNER.public)}
JOB = UUID("0193f0a0-0000-7000-8000-000000000001")
NOW = 1_800_000_000_000
GOOD = tickets.sign(SIGNER, "scans.run", str(JOB), "scans", [(JOB, 3)], NOW + 1000)


def reason(
    keys: dict[bytes, tickets.TicketKey] = KEYS,
    kind: str = "scans.run",
    message_id: str = str(JOB),
    queue: str = "scans",
    body: bytes = GOOD,
    now: int = NOW,
) -> str:
    """Return why a ticket is refused, or nothing."""
    try:
        tickets.verify(keys, kind, message_id, queue, body, now)
    except Untrusted as error:
        return error.reason
    return ""


def test_good_ticket_tells_job_sequence_and_queue() -> None:
    ticket = tickets.verify(KEYS, "scans.run", str(JOB), "scans", GOOD, NOW)
    assert (ticket.queue, ticket.jobs, ticket.expires_ms, ticket.kid) == ("scans", ((JOB, 3),), NOW + 1000, SIGNER.kid)
    assert len(GOOD) == 137
    assert (tickets.slice_(GOOD), tickets.queue_of(GOOD)) == ([(JOB, 3)], "scans")


@pytest.mark.parametrize("count", [1, 2, 63, 64])
def test_bundle_carries_its_jobs_in_order(count: int) -> None:
    jobs = [(uuid4(), number) for number in range(count)]
    message_id = str(jobs[0][0]) if count == 1 else "bundle"
    body = tickets.sign(SIGNER, "k", message_id, "q" * 32, jobs, NOW)
    assert tickets.verify(KEYS, "k", message_id, "q" * 32, body, NOW).jobs == tuple(jobs)
    assert tickets.slice_(body) == jobs
    assert len(body) == tickets.length_bytes(count)


def resigned(signer: Signer = SIGNER, message_id: str = "other", jobs: int = 1) -> bytes:
    """Sign what `sign` itself refuses to."""
    head = tickets._HEAD.pack(b"WFT1", signer.kid, NOW + 1000, b"scans", jobs) + tickets._JOB.pack(JOB.bytes, 3) * jobs
    return head + signer.sign(tickets._signed("scans.run", message_id, head))


@pytest.mark.parametrize(
    ("expected", "changes"),
    [
        ("length", {"body": b""}),
        ("length", {"body": GOOD[:-1]}),
        ("length", {"body": GOOD + b"\0"}),
        ("length", {"body": GOOD * 2}),
        ("length", {"body": GOOD[:52] + b"\x02" + GOOD[53:]}),
        ("length", {"body": GOOD[:52] + b"\x00" + GOOD[53:]}),
        ("length", {"body": resigned(jobs=65)}),
        ("magic", {"body": b"WFT2" + GOOD[4:]}),
        ("magic", {"body": bytes(137)}),
        ("kid", {"keys": {}}),
        ("kid", {"body": GOOD[:4] + OTHER.kid + GOOD[12:]}),
        ("revoked", {"keys": {SIGNER.kid: tickets.TicketKey(SIGNER.public, revoked=True)}}),
        ("revoked", {"keys": {SIGNER.kid: tickets.TicketKey(SIGNER.public, not_after_ms=NOW - 1)}}),
        ("signature", {"keys": {SIGNER.kid: tickets.TicketKey(OTHER.public)}}),
        ("signature", {"keys": {SIGNER.kid: tickets.TicketKey(b"short")}}),
        ("signature", {"kind": "scans.shard"}),
        ("signature", {"kind": "scans.ru"}),
        ("signature", {"message_id": str(uuid4())}),
        ("signature", {"message_id": str(JOB).upper()}),
        ("signature", {"message_id": JOB.hex}),
        ("signature", {"kind": "scans.run" + str(JOB)[0], "message_id": str(JOB)[1:]}),
        ("id", {"body": resigned(), "message_id": "other"}),
        ("id", {"message_id": ""}),
        ("id", {"message_id": "x" * 256}),
        ("id", {"message_id": "é"}),
        ("id", {"kind": ""}),
        ("id", {"kind": "é"}),
        ("queue", {"queue": "reports"}),
        ("queue", {"queue": "scan"}),
        ("queue", {"queue": ""}),
        ("queue", {"queue": "scans\0"}),
        ("expired", {"now": NOW + 1001}),
        ("expired", {"now": NOW * 2}),
        ("", {"now": NOW + 1000}),
        ("", {"keys": {**KEYS, OTHER.kid: tickets.TicketKey(OTHER.public, revoked=True)}}),
        ("", {"keys": {SIGNER.kid: tickets.TicketKey(SIGNER.public, not_after_ms=NOW)}}),
    ],
)
def test_reason_of_refusal(expected: str, changes: dict[str, object]) -> None:
    assert reason(**changes) == expected  # type: ignore[arg-type]  # a table of named arguments


def test_every_bit_counts() -> None:
    for at in range(len(GOOD)):
        for bit in range(8):
            assert reason(body=GOOD[:at] + bytes([GOOD[at] ^ 1 << bit]) + GOOD[at + 1 :]) in {"length", "magic", "kid", "signature"}


def test_good_but_late_is_expired_not_forged() -> None:
    with pytest.raises(Expired):
        tickets.verify(KEYS, "scans.run", str(JOB), "scans", GOOD, NOW + 1001)


@given(st.binary(max_size=1500))
def test_noise_is_forged(noise: bytes) -> None:
    with pytest.raises(Forged):
        tickets.verify(KEYS, "scans.run", str(JOB), "scans", noise, NOW)


@given(st.binary(min_size=36, max_size=1400))
def test_noise_behind_our_magic_and_key_is_forged(noise: bytes) -> None:
    with pytest.raises(Forged):
        tickets.verify(KEYS, "scans.run", str(JOB), "scans", b"WFT1" + SIGNER.kid + noise, NOW)


def test_ticket_nobody_could_verify_is_not_signed() -> None:
    for jobs, message_id, queue in [
        ([], "x", "q"),
        ([(JOB, 1)] * 65, "x", "q"),
        ([(JOB, 1)], "x", "q"),
        ([(JOB, 1)], str(JOB), ""),
        ([(JOB, 1)], str(JOB), "q" * 33),
    ]:
        with pytest.raises(ValueError, match=r"ticket|message|queue"):
            tickets.sign(SIGNER, "k", message_id, queue, jobs, NOW)
