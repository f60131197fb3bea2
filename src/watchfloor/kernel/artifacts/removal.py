"""Remove stored files: first the row, then, once nothing refers to them and no link is open, the bytes; and look for what was lost."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from watchfloor.kernel.artifacts.places import between, place_named
from watchfloor.kernel.artifacts.schemas import Swept
from watchfloor.kernel.artifacts.settings import PlaceName, artifact_settings
from watchfloor.kernel.artifacts.store import lock_of, sealed_size
from watchfloor.kernel.audit.record import record
from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from watchfloor.kernel.artifacts.places import Lying
    from watchfloor.kernel.jobs.ledger import Ledger

ORPHAN_AGE: Final = timedelta(hours=24)  # longer than any writer takes from its bytes to its commit
AT_ONCE: Final = 500
REMOVE: Final = "update artifact set removed_at = wf_now() where org = %s and id = %s and removed_at is null returning name"
CLOSED: Final = (
    "select id, place, address, size_bytes from artifact a where org = %(org)s and removed_at is not null and id > %(after)s "
    "and not exists (select from artifact_link l where l.org = a.org and l.artifact = a.id and l.expires_at > wf_now()) order by id limit %(n)s"
)
OLD_LINKS: Final = "delete from artifact_link where org = %s and expires_at < wf_now() - interval '7 days'"
REFERRED: Final = "select exists (select from artifact where org = %s and place = %s and address = %s)"
ROWS: Final = (
    "select id, address, size_bytes from artifact where org = %(org)s and place = %(place)s and address >= %(low)s "
    "and (%(high)s::bytea is null or address < %(high)s)"
)
COMPARED_AT_ONCE: Final = 20_000  # rows
NOTHING: Final = "00000000-0000-0000-0000-000000000000"


def remove(session: Session, org: UUID, artifact: UUID, *, actor: str = "system") -> bool:
    """Take a file away in the caller's transaction and tell whether it was there; one that is gone already is no error.

    Nobody finds it any more, and links that are open end in their time. Its bytes go with the next `sweep`; a caller that wants the room at
    once runs `clear_removed` after its commit.
    """
    row = wire_of(session).execute(REMOVE, (org, artifact)).fetchone()
    if row is None:
        return False
    record(session, org, actor=actor, operation="artifact.remove", object=str(artifact), reason=row[0])
    return True


def clear_removed(ledger: Ledger, org: UUID, *, actor: str = "system") -> Swept:
    """Delete the rows that `remove` left and the bytes that only they referred to; safe to race, to repeat and to kill."""
    removed = freed = 0
    after: Any = NOTHING
    while True:
        with ledger.database.transaction(org) as session:
            rows = wire_of(session).execute(CLOSED, {"org": org, "after": after, "n": AT_ONCE}).fetchall()
        for artifact, place, address, size_bytes in rows:
            with ledger.database.transaction(org) as session:
                if not _alone(session, bytes(address)):
                    continue  # somebody stores the same content right now: the next sweep looks again
                wire_of(session).execute("delete from artifact where org = %s and id = %s", (org, artifact))
                if size_bytes and not _referred(session, org, place, bytes(address)):
                    place_named(PlaceName(place)).drop(session, org, bytes(address))
                    freed += sealed_size(size_bytes)
                record(session, org, actor=actor, operation="artifact.forget", object=str(artifact))
            removed += 1
        if len(rows) < AT_ONCE:
            return Swept(removed=removed, orphans=0, freed_bytes=freed, lost=[])
        after = rows[-1][0]


def sweep(ledger: Ledger, org: UUID, *, actor: str = "system", dry_run: bool = False) -> Swept:
    """Clear what was removed, delete bytes without a row that are older than a day, and find rows without their bytes.

    With `dry_run` it counts orphans and finds what is lost, and changes nothing. What is lost stays as it is: reading it says so, and storing the same content again heals it.

    Raises:
        SourceUnavailable: A place does not answer; nothing there counts as lost.
        SetupError: Files lie in a place whose settings are gone.
    """
    cleared = Swept(removed=0, orphans=0, freed_bytes=0, lost=[]) if dry_run else clear_removed(ledger, org, actor=actor)
    orphans, freed, lost = 0, cleared.freed_bytes, list[UUID]()
    slices = _slices(ledger, org)
    for name in _places(ledger, org):
        orphans += place_named(name).clear_drafts(org, ORPHAN_AGE, dry_run=dry_run)
        for first in slices:
            old, missing = _compare(ledger, org, name, first)
            lost += missing
            gone = [one for one in old if dry_run or _drop_orphan(ledger, org, name, one.address)]
            orphans += len(gone)
            freed += sum(one.size_bytes for one in gone)
    if not dry_run:
        _close(ledger, org, orphans, lost, actor)
    return Swept(removed=cleared.removed, orphans=orphans, freed_bytes=freed, lost=lost)


def _close(ledger: Ledger, org: UUID, orphans: int, lost: list[UUID], actor: str) -> None:
    with ledger.database.transaction(org) as session:
        wire_of(session).execute(OLD_LINKS, (org,))
        if orphans or lost:
            reason = f"{orphans} orphans removed, {len(lost)} files lost{': ' if lost else ''}{', '.join(map(str, lost[:10]))}"
            record(session, org, actor=actor, operation="artifact.sweep", object=str(org), reason=reason)


def _places(ledger: Ledger, org: UUID) -> list[PlaceName]:
    with ledger.database.transaction(org) as session:
        rows = wire_of(session).execute("select distinct place from artifact where org = %s", (org,)).fetchall()
    return sorted({artifact_settings().chosen(), *(PlaceName(row[0]) for row in rows)})


def _slices(ledger: Ledger, org: UUID) -> list[int | None]:
    """Return the parts in which a place is compared with the rows: all at once, or by the first byte of the address when there are many."""
    with ledger.database.transaction(org) as session:
        row: Any = wire_of(session).execute("select count(*) from artifact where org = %s", (org,)).fetchone()
    return [None] if row[0] <= COMPARED_AT_ONCE else list(range(256))


def _compare(ledger: Ledger, org: UUID, name: PlaceName, first: int | None) -> tuple[list[Lying], list[UUID]]:
    """Return what lies there for a day and is in no row, and the files whose bytes do not lie there."""
    held = {one.address: one for one in place_named(name).listing(ledger.database, org, first)}
    with ledger.database.transaction(org) as session:
        rows = wire_of(session).execute(ROWS, {"org": org, "place": name, **between(first)}).fetchall()
    known = {bytes(row[1]) for row in rows}
    old = [one for one in held.values() if one.address not in known and _is_old(one)]
    short = [row for row in rows if row[2] and not _is_whole(held.get(bytes(row[1])), row[2])]
    return old, [row[0] for row in short if _is_lost(ledger, org, name, row)]


def _is_lost(ledger: Ledger, org: UUID, name: PlaceName, row: tuple[Any, ...]) -> bool:
    """Look again: a file may have been stored, or removed, after its place was listed."""
    artifact, address, size_bytes = row
    with ledger.database.transaction(org) as session:
        sql = "select exists (select from artifact where org = %s and id = %s and removed_at is null)"
        wanted: Any = wire_of(session).execute(sql, (org, artifact)).fetchone()
        return bool(wanted[0]) and not _is_whole(place_named(name).look(session, org, bytes(address)), size_bytes)


def _is_whole(lying: Lying | None, size_bytes: int) -> bool:
    return lying is not None and lying.size_bytes == sealed_size(size_bytes)


def _is_old(lying: Lying) -> bool:
    return lying.age is not None and lying.age > ORPHAN_AGE


def _drop_orphan(ledger: Ledger, org: UUID, name: PlaceName, address: bytes) -> bool:
    place = place_named(name)
    with ledger.database.transaction(org) as session:
        if not _alone(session, address) or _referred(session, org, name, address):
            return False
        lying = place.look(session, org, address)
        if lying is None or not _is_old(lying):
            return False  # brought again since it was listed, and about to be stored
        place.drop(session, org, address)
    return True


def _alone(session: Session, address: bytes) -> bool:
    """Hold an address until the transaction ends, unless somebody stores there.

    The transaction stays open while a place deletes one thing, which no store of the same content may overtake; places end that in time.
    """
    row: Any = wire_of(session).execute("select pg_try_advisory_xact_lock(%s)", (lock_of(address),)).fetchone()
    return bool(row[0])


def _referred(session: Session, org: UUID, place: str, address: bytes) -> bool:
    row: Any = wire_of(session).execute(REFERRED, (org, place, address)).fetchone()
    return bool(row[0])
