"""Stored files: what went in comes out, or nothing does."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.artifacts.floor import got, lying_at, put
from watchfloor.kernel.artifacts.draft import PART_BYTES
from watchfloor.kernel.artifacts.store import read, store
from watchfloor.kernel.errors import Forged, InvalidInput, NotFound

if TYPE_CHECKING:
    from uuid import UUID

    from watchfloor.kernel.jobs.ledger import Ledger


@pytest.mark.parametrize("size", [0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES + 7])
def test_what_went_in_comes_out(ledger: Ledger, org: UUID, size: int) -> None:
    content = os.urandom(size)
    artifact = put(ledger, org, content)
    assert got(ledger, org, artifact) == content
    with ledger.database.transaction(org) as session:
        card, _ = read(ledger, session, org, artifact)
    assert (card.size_bytes, card.sha256) == (size, hashlib.sha256(content).hexdigest())


def test_pieces_of_any_size_are_one_file(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        artifact = store(ledger, session, org, name="x", media_type="text/plain", content=(b"%d," % n for n in range(200_000)))
    assert got(ledger, org, artifact) == b"".join(b"%d," % n for n in range(200_000))


def test_the_database_holds_no_plaintext(ledger: Ledger, org: UUID, postgres: str) -> None:
    artifact = put(ledger, org, b"very secret finding " * 100)
    address = lying_at(ledger, org, artifact)
    with psycopg.connect(postgres) as wire:
        blobs = [bytes(row[0]) for row in wire.execute("select blob from artifact_part where address = %s", (address,)).fetchall()]
    assert blobs
    assert not any(b"secret" in blob for blob in blobs)


@pytest.mark.parametrize(
    "harm",
    [
        "update artifact_part set blob = set_byte(blob, 60, get_byte(blob, 60) # 1) where address = %(one)s",
        "update artifact_part set blob = set_byte(blob, 4, get_byte(blob, 4) # 1) where address = %(one)s",  # the name of its key
        "update artifact_part set blob = (select blob from artifact_part where address = %(two)s and n = 0) where address = %(one)s and n = 0",
        "update artifact_part p set blob = q.blob from artifact_part q where p.address = %(one)s and q.address = %(one)s and p.n = 1 - q.n",
        "update artifact set sha256 = '\\x00' where address = %(one)s",
        "update artifact set size_bytes = size_bytes + 1 where address = %(one)s",
        "update artifact set size_bytes = 0 where address = %(one)s",
        "update artifact set address = %(two)s where address = %(one)s",
        "delete from artifact_part where address = %(one)s and n = 1",
    ],
)
def test_a_changed_moved_or_missing_part_never_passes(ledger: Ledger, org: UUID, postgres: str, harm: str) -> None:
    one, two = put(ledger, org, os.urandom(2 * PART_BYTES)), put(ledger, org, os.urandom(2 * PART_BYTES))
    with psycopg.connect(postgres) as wire:
        addresses = {name: lying_at(ledger, org, artifact) for name, artifact in (("one", one), ("two", two))}
        assert wire.execute(harm, addresses).rowcount > 0
    with pytest.raises((Forged, NotFound)):
        got(ledger, org, one)


def test_another_org_finds_no_file(ledger: Ledger, org: UUID, stranger: UUID) -> None:
    artifact = put(ledger, org, b"x")
    with ledger.database.transaction(stranger) as session, pytest.raises(NotFound):
        read(ledger, session, org, artifact)


@pytest.mark.parametrize("name", ["", " ", "../etc/passwd", "a/b", "a\\b", "a\x00b", "a\nb", "x" * 201])
def test_a_path_is_no_name(ledger: Ledger, org: UUID, name: str) -> None:
    with pytest.raises(InvalidInput):
        put(ledger, org, b"x", name)


def test_a_file_that_fails_half_way_leaves_nothing(ledger: Ledger, org: UUID) -> None:
    from watchfloor.kernel.artifacts.queries import list_artifacts  # noqa: PLC0415 - here alone

    def broken() -> list[bytes]:
        raise OSError

    with pytest.raises(OSError), ledger.database.transaction(org) as session:  # noqa: PT011 - any
        store(ledger, session, org, name="x", media_type="text/plain", content=(piece for piece in [b"x" * PART_BYTES, *broken()]))
    with ledger.database.transaction(org) as session:
        assert list_artifacts(session, org).items == []
