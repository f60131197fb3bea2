"""Places: whichever is chosen, what went in comes out, sealed meanwhile, and lies there once."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from uuid import UUID

import obstore
import psycopg
import pytest
from obstore.store import S3Store

from tests.api.floor import KEK, make_org
from tests.artifacts.floor import fresh_settings, got, lying, lying_at, put
from tests.servers.s3 import BUCKET
from watchfloor.kernel.artifacts.draft import HELD_PARTS, PART_BYTES
from watchfloor.kernel.artifacts.places import place_named
from watchfloor.kernel.artifacts.settings import ArtifactSettings, PlaceName, artifact_settings
from watchfloor.kernel.artifacts.store import sealed_size, staged, store
from watchfloor.kernel.db import schema
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import Forged, Lost, NotFound, SetupError, SourceUnavailable
from watchfloor.kernel.jobs.ledger import make_ledger
from watchfloor.kernel.settings import kernel_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from watchfloor.kernel.jobs.ledger import Ledger

ODD = 2 * PART_BYTES + 77


def spoil(ledger: Ledger, org: UUID, address: bytes, content: bytes | None) -> None:
    """Put bytes where a file lies, past all of the product's care; None removes what lies there."""
    place = place_named(artifact_settings().chosen())
    with ledger.database.transaction(org) as session:
        if content is None:
            place.drop(session, org, address)
        else:
            place.drop(session, org, address)
            step = sealed_size(PART_BYTES)
            place.put(session, org, address, [content[n : n + step] for n in range(0, len(content), step)])


def raw(ledger: Ledger, org: UUID, address: bytes, size_bytes: int) -> bytes:
    """Return what lies at an address as it lies there."""
    place = place_named(artifact_settings().chosen())
    step = sealed_size(PART_BYTES)
    parts = (place.fetch(ledger.database, org, address, n, n * step, step) or b"" for n in range(-(-size_bytes // step)))
    return b"".join(parts)


@pytest.mark.parametrize("size", [0, 1, PART_BYTES, ODD, (HELD_PARTS + 2) * PART_BYTES + 1])
def test_what_went_in_comes_out_of_every_place(ledger: Ledger, org: UUID, place: str, size: int) -> None:
    content = os.urandom(size)
    with ledger.database.transaction(org) as session:
        pieces = (content[n : n + 100_000] for n in range(0, size, 100_000))
        artifact = store(ledger, session, org, name="x", media_type="text/plain", content=pieces)
    assert got(ledger, org, artifact) == content
    assert [one.size_bytes for one in lying(ledger, org)] == ([sealed_size(size)] if size else []), place


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (0, 0),
        (0, None),
        (5, 9),
        (PART_BYTES - 1, PART_BYTES),
        (PART_BYTES, 2 * PART_BYTES - 1),
        (ODD - 1, None),
        (ODD - 1, 10 * ODD),
        (3, 2),
    ],
)
@pytest.mark.usefixtures("place")
def test_a_range_is_the_same_bytes(ledger: Ledger, org: UUID, first: int, last: int | None) -> None:
    content = os.urandom(ODD)
    assert got(ledger, org, put(ledger, org, content), first, last) == content[first : None if last is None else last + 1]


@pytest.mark.usefixtures("place")
def test_a_range_reads_only_the_parts_that_hold_it(ledger: Ledger, org: UUID) -> None:
    content = os.urandom(3 * PART_BYTES)
    artifact = put(ledger, org, content)
    address = lying_at(ledger, org, artifact)
    held = bytearray(raw(ledger, org, address, sealed_size(len(content))))
    held[100] ^= 1  # in the first part
    spoil(ledger, org, address, bytes(held))
    assert got(ledger, org, artifact, PART_BYTES, 3 * PART_BYTES) == content[PART_BYTES:]
    with pytest.raises(Forged):
        got(ledger, org, artifact)


@pytest.mark.usefixtures("place")
def test_the_same_content_lies_there_once(ledger: Ledger, org: UUID) -> None:
    content = os.urandom(ODD)
    one, two = put(ledger, org, content, "one"), put(ledger, org, content, "two")
    assert len(lying(ledger, org)) == 1
    assert got(ledger, org, one) == got(ledger, org, two) == content


@pytest.mark.usefixtures("place")
def test_nobody_can_tell_that_two_organisations_have_the_same(ledger: Ledger, org: UUID, stranger: UUID) -> None:
    content = b"the same, and secret " * 10_000
    addresses = [lying_at(ledger, one, put(ledger, one, content)) for one in (org, stranger)]
    assert addresses[0] != addresses[1]
    held = [raw(ledger, one, address, sealed_size(len(content))) for one, address in zip((org, stranger), addresses, strict=True)]
    assert not any(b"secret" in one for one in held)
    assert held[0] != held[1]


@pytest.mark.usefixtures("place")
def test_another_organisation_finds_nothing(ledger: Ledger, org: UUID, stranger: UUID) -> None:
    artifact = put(ledger, org, b"x")
    with pytest.raises(NotFound):
        got(ledger, stranger, artifact)
    assert lying(ledger, stranger) == []


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    "harm", ["changed", "cut in a part", "cut between parts", "longer", "of another file", "in another order", "empty"]
)
def test_bytes_that_were_changed_never_come_out(ledger: Ledger, org: UUID, harm: str) -> None:
    content = os.urandom(2 * PART_BYTES)
    artifact, other = put(ledger, org, content), put(ledger, org, os.urandom(2 * PART_BYTES))
    address, size = lying_at(ledger, org, artifact), sealed_size(len(content))
    held, step = raw(ledger, org, address, size), sealed_size(PART_BYTES)
    made = {
        "changed": held[:-1] + bytes([held[-1] ^ 1]),
        "cut in a part": held[:-9],
        "cut between parts": held[:step],
        "longer": held[:step] + held,
        "of another file": raw(ledger, org, lying_at(ledger, org, other), size),
        "in another order": held[step:] + held[:step],
        "empty": b"",
    }[harm]
    spoil(ledger, org, address, made)
    with pytest.raises((Forged, Lost)):
        got(ledger, org, artifact)
    with pytest.raises((Forged, Lost)):
        got(ledger, org, artifact, PART_BYTES, PART_BYTES)  # and no range of it does
    put(ledger, org, content)
    assert got(ledger, org, artifact) == content, "storing the same content again heals it"


@pytest.mark.usefixtures("place")
def test_bytes_that_are_gone_are_told_so(ledger: Ledger, org: UUID) -> None:
    artifact = put(ledger, org, b"x" * ODD)
    spoil(ledger, org, lying_at(ledger, org, artifact), None)
    with pytest.raises(Lost, match="are gone from where they were stored"):
        got(ledger, org, artifact)


def test_files_stay_readable_when_the_place_changes(
    ledger: Ledger, org: UUID, in_s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents, artifacts = [os.urandom(ODD) for _ in PlaceName], list[UUID]()
    monkeypatch.setenv("WATCHFLOOR_ARTIFACTS_DIRECTORY", str(tmp_path))
    for name, content in zip(PlaceName, contents, strict=True):
        monkeypatch.setenv("WATCHFLOOR_ARTIFACTS_PLACE", name)
        fresh_settings()
        artifacts.append(put(ledger, org, content))
        assert len(lying(ledger, org)) == 1
    assert [got(ledger, org, artifact) for artifact in artifacts] == contents
    assert in_s3


def test_files_from_before_places_stay_readable(new_database: Callable[[str], str]) -> None:
    url = new_database("before_places")
    old = make_ledger(url, KEK)
    try:
        org, artifact, content = make_org(old), new_id(), os.urandom(ODD)
        schema.downgrade(url, "0012")
        with old.database.transaction(org) as session:
            sql = "insert into artifact (org, id, name, media_type, size_bytes, sha256) values (%s, %s, 'x', 'text/plain', %s, sha256(%s))"
            wire_of(session).execute(sql, (org, artifact, len(content), content))
            for n in range(3):
                kid, blob = old.vault.seal(org, f"artifact_part|{artifact}|{n}", content[n * PART_BYTES : (n + 1) * PART_BYTES])
                sql = "insert into artifact_part (org, artifact, n, kid, blob) values (%s, %s, %s, %s, %s)"
                wire_of(session).execute(sql, (org, artifact, n, kid, blob))
        old.database.close()
        schema.upgrade(url)
        assert got(old, org, artifact) == content
        assert got(old, org, artifact, PART_BYTES + 1, PART_BYTES + 5) == content[PART_BYTES + 1 : PART_BYTES + 6]
        old.database.close()
        schema.downgrade(url, "0012")
        schema.upgrade(url)
        assert got(old, org, artifact) == content
    finally:
        old.database.close()


@pytest.mark.usefixtures("place")
def test_many_who_store_the_same_at_once_all_have_it(ledger: Ledger, org: UUID) -> None:
    content, start = os.urandom(ODD), threading.Barrier(4)

    def together(_: int) -> UUID:
        start.wait()
        return put(ledger, org, content)

    with ThreadPoolExecutor(4) as pool:
        artifacts = list(pool.map(together, range(4)))
    assert len(set(artifacts)) == 4
    assert len(lying(ledger, org)) == 1
    assert all(got(ledger, org, artifact) == content for artifact in artifacts)


@pytest.mark.usefixtures("place")
def test_staged_content_is_stored_in_a_transaction_of_its_own(ledger: Ledger, org: UUID) -> None:
    content = os.urandom(ODD)
    with staged(ledger, org, [content]) as found, ledger.database.transaction(org) as session:
        artifact = store(ledger, session, org, name="x", media_type="text/plain", content=found)
    assert got(ledger, org, artifact) == content


def test_staged_content_that_was_swept_meanwhile_is_brought_again(ledger: Ledger, org: UUID, outside: str) -> None:
    content = os.urandom(ODD)
    with staged(ledger, org, content) as found:
        spoil(ledger, org, found.address, None)
        with ledger.database.transaction(org) as session:
            artifact = store(ledger, session, org, name="x", media_type="text/plain", content=found)
    assert got(ledger, org, artifact) == content, outside


def test_files_belong_to_our_account_alone(ledger: Ledger, org: UUID, in_directory: Path) -> None:
    before = os.umask(0)
    try:
        put(ledger, org, b"x")
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in in_directory.rglob("*") if path.is_dir()} | {
        stat.S_IMODE(in_directory.stat().st_mode)
    }
    files = [path for path in in_directory.rglob("*") if path.is_file()]
    assert modes == {0o700}
    assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o600]
    address = lying(ledger, org)[0].address.hex()
    assert files[0].relative_to(in_directory).parts == (str(org), address[:2], address)


def test_what_is_none_of_ours_stays_and_is_not_seen(ledger: Ledger, org: UUID, in_directory: Path) -> None:
    put(ledger, org, b"x")
    folder = next(path for path in in_directory.rglob("*") if path.is_file()).parent
    (folder / "README").write_text("kept")
    (folder / ("00" if folder.name != "00" else "01")).write_text("in the wrong folder")
    assert len(lying(ledger, org)) == 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount 8 MB, where we may."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], capture_output=True, check=False).returncode
    ):
        pytest.skip("only root may mount a small file system, and not everywhere")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_is_told_and_keeps_nothing(ledger: Ledger, org: UUID, in_directory: Path, small_disk: Path) -> None:
    in_directory.symlink_to(small_disk)
    kept = put(ledger, org, b"x" * PART_BYTES)
    for size in (HELD_PARTS * PART_BYTES, (HELD_PARTS + 12) * PART_BYTES):  # while it is moved there, and while it is read
        with pytest.raises(SourceUnavailable, match="is full"):
            put(ledger, org, os.urandom(size))
        assert len([path for path in small_disk.rglob("*") if path.is_file()]) == 1
    assert len(got(ledger, org, kept)) == PART_BYTES


def test_a_file_larger_than_may_be_written_is_told_and_keeps_nothing(ledger: Ledger, org: UUID, in_directory: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (PART_BYTES, limits[1]))
    try:
        with pytest.raises(SourceUnavailable, match="is full"):
            put(ledger, org, os.urandom(ODD))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path for path in in_directory.rglob("*") if path.is_file()] == []


def test_a_directory_that_cannot_be_used_says_which(ledger: Ledger, org: UUID, in_directory: Path) -> None:
    in_directory.write_text("a file where the directory should be")
    with pytest.raises(SourceUnavailable, match=str(in_directory)):
        put(ledger, org, b"x")


def test_a_store_that_is_down_is_no_lost_file(ledger: Ledger, org: UUID, in_s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    artifact = put(ledger, org, b"x")
    monkeypatch.setenv("WATCHFLOOR_ARTIFACTS_S3_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setattr("watchfloor.kernel.artifacts.places.s3.RETRIES", {"max_retries": 0})
    fresh_settings()
    with pytest.raises(SourceUnavailable) as told:
        got(ledger, org, artifact)
    assert not isinstance(told.value, Lost)
    with pytest.raises(SourceUnavailable):
        put(ledger, org, b"y")
    assert in_s3


def test_a_bucket_that_does_not_exist_is_no_lost_file(ledger: Ledger, org: UUID, in_s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    artifact = put(ledger, org, b"x")
    monkeypatch.setenv("WATCHFLOOR_ARTIFACTS_S3_BUCKET", "nowhere")
    fresh_settings()
    for size in (1, 10 * PART_BYTES):
        with pytest.raises(SetupError, match="no bucket s3://nowhere"):
            put(ledger, org, os.urandom(size))
    with pytest.raises(SetupError, match="no bucket s3://nowhere"):
        got(ledger, org, artifact)
    with pytest.raises(SourceUnavailable):
        lying(ledger, org)
    assert in_s3


def test_objects_lie_below_the_prefix(ledger: Ledger, org: UUID, in_s3: str) -> None:
    put(ledger, org, b"x")
    address = lying(ledger, org)[0].address.hex()
    store = S3Store.from_url(
        f"s3://{BUCKET}", endpoint=in_s3.removesuffix(f"/{BUCKET}"), access_key_id="id", secret_access_key="secret", client_options={"allow_http": True}
    )  # fmt: skip
    names = [found["path"] for page in obstore.list(store, prefix=f"watchfloor/{org}") for found in page]
    assert names == [f"watchfloor/{org}/{address[:2]}/{address}"]


def test_s3_without_a_bucket_says_what_to_set(ledger: Ledger, org: UUID, in_s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WATCHFLOOR_ARTIFACTS_S3_BUCKET")
    fresh_settings()
    with pytest.raises(SetupError, match="WATCHFLOOR_ARTIFACTS_S3_BUCKET"):
        put(ledger, org, b"x")
    assert in_s3


def test_the_place_follows_the_database_unless_it_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    for url, place in ((None, PlaceName.DIRECTORY), ("postgresql://db/x", PlaceName.POSTGRES)):
        settings = kernel_settings().model_copy(update={"database_url": url})
        monkeypatch.setattr("watchfloor.kernel.artifacts.settings.kernel_settings", lambda found=settings: found)
        assert ArtifactSettings().chosen() is place
        assert ArtifactSettings(place=PlaceName.S3).chosen() is PlaceName.S3


def test_the_database_knows_the_files_address_and_never_their_content(ledger: Ledger, org: UUID, in_directory: Path, postgres: str) -> None:
    put(ledger, org, b"x")
    with psycopg.connect(postgres) as wire:
        assert wire.execute("select count(*) from artifact_part where org = %s", (org,)).fetchone() == (0,)
        assert wire.execute("select place, octet_length(address) from artifact where org = %s", (org,)).fetchall() == [("directory", 32)]
    assert in_directory.exists()
