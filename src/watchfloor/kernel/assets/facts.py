"""What runs on an asset: learned from looks, kept until one finds it gone, read in the order in which it changed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

Kind = Literal["service", "os", "hardware"]
PortRange = tuple[int, int]
TEXT_MAX = 300
CPES_MAX = 20
READ_MAX = 5000
# A change is stamped when it is written and can be read once it is committed. Readers go by the stamp, so they stay this far behind:
# longer than the rest of any transaction that writes facts.
SETTLED = timedelta(seconds=10)


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One product on an asset; a service has a port and protocol, an operating system or a machine has none."""

    product: str
    kind: Kind = "service"
    port: int = 0
    protocol: str = ""
    name: str = ""
    version: str = ""
    revision: str = ""
    cpe23: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class KeptFact:
    """A fact as it is kept."""

    id: UUID
    asset: UUID
    kind: Kind
    port: int
    protocol: str
    name: str
    product: str
    version: str
    revision: str
    cpe23: tuple[str, ...]
    first_seen: datetime
    observed_at: datetime
    changed_at: datetime
    gone_at: datetime | None


@dataclass(frozen=True)
class Mark:
    """How far somebody has read: the last fact they saw."""

    changed_at: datetime
    id: UUID


LEARN = """
insert into asset_fact as f (org, id, asset, kind, port, protocol, name, product, version, revision, cpe23)
select %(org)s, id, %(asset)s, kind, port, protocol, name, product, version, revision, cpe23
from jsonb_to_recordset(%(facts)s)
  as t (id uuid, kind text, port integer, protocol text, name text, product text, version text, revision text, cpe23 text[])
on conflict (org, asset, kind, protocol, port, product) do update set
  name = excluded.name, version = excluded.version, revision = excluded.revision, cpe23 = excluded.cpe23, gone_at = null,
  observed_at = wf_now(),
  changed_at = case when f.gone_at is null and (f.name, f.version, f.revision, f.cpe23)
    is not distinct from (excluded.name, excluded.version, excluded.revision, excluded.cpe23) then f.changed_at else wf_now() end
"""
# A port that was looked at and answers with something else, or nothing, has lost what ran there; one that was not looked at has lost nothing.
LOSE = """
update asset_fact f set gone_at = wf_now(), changed_at = wf_now()
where f.org = %(org)s and f.asset = %(asset)s and f.gone_at is null
  and (f.kind = 'service' and exists (select 1 from jsonb_to_recordset(%(looked)s) as l (protocol text, first integer, last integer)
         where l.protocol = f.protocol and f.port between l.first and l.last)
       or f.kind <> 'service' and f.kind = any (%(kinds)s))
  and not exists (select 1 from jsonb_to_recordset(%(facts)s) as t (kind text, port integer, protocol text, product text)
         where (t.kind, t.port, t.protocol, t.product) = (f.kind, f.port, f.protocol, f.product))
"""


def learn(
    session: Session, org: UUID, asset: UUID, facts: Sequence[Fact], *, ports_looked_at: Mapping[str, Sequence[PortRange]] | None = None
) -> None:
    """Keep what a look found on an asset; repeating it changes nothing but the time of the last sight.

    What was known on a port that was looked at and is not among `facts` is gone. An operating system or machine replaces the one before.

    Args:
        session: The caller's transaction.
        org: Whose asset it is.
        asset: Where this runs.
        facts: All that was found on the ports looked at; one without a product says nothing and is left out.
        ports_looked_at: Closed ranges by protocol of which everything is known now. A port nobody looked at loses nothing.
    """
    rows = {(one.kind, one.port, one.protocol, one.product): one for one in map(_plain, facts) if one.product}
    ordered = [
        {"id": str(new_id()), **asdict(rows[key])} for key in sorted(rows)
    ]  # one order for all, so that writers do not wait in a circle
    looked = [
        {"protocol": protocol, "first": first, "last": last} for protocol, held in (ports_looked_at or {}).items() for first, last in held
    ]
    kinds = sorted({one.kind for one in rows.values()} - {"service"})
    values = {"org": org, "asset": asset, "facts": Jsonb(ordered), "looked": Jsonb(looked), "kinds": kinds}
    wire = wire_of(session)
    if ordered:
        wire.execute(LEARN, values)
    if looked or kinds:
        wire.execute(LOSE, values)


def facts_since(session: Session, org: UUID, after: Mark | None = None, *, limit: int = 500) -> list[KeptFact]:
    """Return facts in the order in which they changed, gone ones included, beginning after a mark; what is younger than 10 s comes later.

    Go on from `Mark(last.changed_at, last.id)`; an empty list means that nothing has changed since.
    """
    sql = (
        "select id, asset, kind, port, protocol, name, product, version, revision, cpe23, first_seen, observed_at, changed_at, gone_at "
        "from asset_fact where org = %(org)s and changed_at < wf_now() - %(settled)s "
        "and (%(at)s::timestamptz is null or (changed_at, id) > (%(at)s, %(id)s::uuid)) order by changed_at, id limit %(limit)s"
    )
    values = {
        "org": org, "settled": SETTLED, "at": after.changed_at if after else None, "id": after.id if after else None,
        "limit": max(1, min(limit, READ_MAX)),
    }  # fmt: skip
    rows = wire_of(session).cursor(row_factory=dict_row).execute(sql, values).fetchall()
    return [KeptFact(**{**row, "cpe23": tuple(row["cpe23"])}) for row in rows]


def _plain(fact: Fact) -> Fact:
    """Return a fact that PostgreSQL can store: what a target sends may hold anything."""
    texts: dict[str, Any] = {name: _text(getattr(fact, name)) for name in ("protocol", "name", "product", "version", "revision")}
    return Fact(kind=fact.kind, port=fact.port, cpe23=tuple(_text(one) for one in fact.cpe23[:CPES_MAX]), **texts)


def _text(text: str) -> str:
    clean = text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
    return clean[:TEXT_MAX]
