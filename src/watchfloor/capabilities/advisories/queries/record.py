"""One advisory with everything that hangs on it: who says what, scores, catalogs, products, history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.rows import dict_row

from watchfloor.capabilities.advisories.engine.explain import explain
from watchfloor.capabilities.advisories.engine.lev import lev
from watchfloor.capabilities.advisories.engine.priority import Where, score
from watchfloor.capabilities.advisories.engine.verdict import DAYS, verdict
from watchfloor.capabilities.advisories.queries.identity import get_key
from watchfloor.capabilities.advisories.queries.lines import fraction, impact, lines, word
from watchfloor.capabilities.advisories.queries.raw import references
from watchfloor.capabilities.advisories.queries.settled import SCORE_VERSION, settled
from watchfloor.capabilities.advisories.schemas import faces
from watchfloor.capabilities.advisories.schemas.notices import NOTICES
from watchfloor.capabilities.advisories.schemas.words import Band, Catalog, Exposure, Flag, Provider, Source, State, name_of
from watchfloor.kernel.db.keyset import LIMIT
from watchfloor.kernel.db.listing import Column, Listing, order_of, page_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from watchfloor.capabilities.advisories.schemas.merged import Settled
    from watchfloor.kernel.db.session import Wire

PRODUCTS_SHOWN = 50
FACTS = """
select f.src, f.state, f.status, f.title, f.descr, f.published, f.modified, f.cwes, f.flags, f.exploited_since, r.fetched_at, encode(r.h, 'hex') as hash
from adv_fact f left join adv_raw r on r.src = f.src and r.k = f.k and r.gone_at is null where f.k = %s order by f.src
"""
PRODUCTS = """
select distinct p.vendor, p.product from adv_criterion c join adv_product p0 on p0.id = c.product_id join adv_product p on p.id = coalesce(p0.canonical, p0.id)
where c.k = %s and c.vulnerable order by 1, 2
"""
AFFECTED = """
select c.src, p.part::text as part, p.vendor, p.product, c.kind::text as kind, c.text, c.fix, c.vulnerable, c.cfg, c.node, c.logic, c.attrs, c.factor
from adv_criterion c join adv_product p on p.id = c.product_id where c.k = %s
order by c.src, c.cfg, c.node, c.pos
"""
CFG_AND = 1


def get_record(wire: Wire, text: str, *, on: date, least: float) -> faces.Advisory:
    """Return an advisory by any of its ids; an alias answers with the record it means. Raises NotFound."""
    k = get_key(wire, text)
    one = settled(wire, [k])[k]
    products = [f"{vendor} {product}".strip() for vendor, product in wire.execute(PRODUCTS, (k,))]
    m = one.merged
    return faces.Advisory(
        **lines(wire, [k], least=least)[0].model_dump(),
        description=m.descr, aliases=_aliases(wire, k), nvd_status=m.status, cvss=_metrics(wire, one), epss_detail=_epss(wire, k, one, on),
        kev_entries=_kev(wire, k), ssvc=_ssvc(wire, k, one), exploits=_exploits(wire, k), sources=_facts(wire, k),
        provenance={name: [str(label) for label in told] for name, told in m.prov.items() if isinstance(told, list)},
        score=explained(one, on, Where(), as_of=_epss_day(wire)), products=products[:PRODUCTS_SHOWN], products_total=len(products),
        references=references(wire, k), rejects=_count(wire, "select count(*) from adv_reject where ref = %s", (m.cve_id,)),
    )  # fmt: skip


def get_score(wire: Wire, text: str, *, on: date, exposure: Exposure, confidence: float) -> faces.Score:
    """Return an advisory's priority as it is on a day for an asset, explained. Raises NotFound."""
    k = get_key(wire, text)
    return explained(settled(wire, [k])[k], on, Where(exposure, confidence), as_of=_epss_day(wire))


def explained(one: Settled, on: date, where: Where, *, as_of: date | None) -> faces.Score:
    """Return a priority with its factors and the directive's verdict."""
    priority = score(one.merged, on, where)
    decided = verdict(one.merged, where)
    return faces.Score(
        id=one.merged.cve_id, priority=priority.priority, band=Band(priority.band), rule=priority.rule, assumed=list(priority.assumed),
        factors=[
            faces.Factor(factor=f.factor, points=f.points, max=f.max, inputs=f.inputs, sources=list(f.source), as_of=f.as_of)
            for f in explain(one.merged, on, where, epss_as_of=as_of)
        ],
        exposure=where.exposure, confidence=where.confidence, on=on, version=SCORE_VERSION,
        verdict=None if decided is None else faces.VerdictView(
            deadline=decided.deadline, days=DAYS.get(decided.deadline), assumed=list(decided.assumed), cisa_due=one.merged.kev_due
        ),
    )  # fmt: skip


def list_sources(wire: Wire, text: str) -> list[faces.SourceWord]:
    """Return what each source says of an advisory. Raises NotFound."""
    return _facts(wire, get_key(wire, text))


def list_history(
    wire: Wire, text: str | None, *, kinds: Sequence[str] = (), since: date | None = None, limit: int = LIMIT, cursor: str | None = None
) -> faces.Changes:
    """List what happened to an advisory, or to all, newest first; raises NotFound."""
    k = get_key(wire, text) if text is not None else None
    where = "(%(k)s::bigint is null or h.k = %(k)s) and (%(kinds)s::text[] = '{}' or h.kind = any (%(kinds)s)) and (%(since)s::date is null or h.at >= %(since)s)"
    listing = Listing("adv_change", "h", where, "h.id", {"k": k, "kinds": list(kinds), "since": since})
    page = page_of(wire, listing, order_of("-id", {"id": Column("h.id", "bigint")}), limit=limit, cursor=cursor)
    query = "select id, k, kind, old, new, src, at, quiet from adv_change where id = any (%s) order by id desc"
    return faces.Changes(
        items=[
            faces.ChangeView(
                id=name_of(row["k"]), at=row["at"], kind=row["kind"], old=row["old"], new=row["new"],
                source=None if row["src"] is None else Source(row["src"]).label, quiet=row["quiet"],
            )
            for row in _rows(wire, query, (page.keys,))
        ],
        next_cursor=page.next_cursor, total=page.total, total_capped=page.capped,
    )  # fmt: skip


def list_affected(wire: Wire, text: str) -> list[faces.AffectedView]:
    """Return the affected products of an advisory as each source states them. Raises NotFound."""
    return [
        faces.AffectedView(
            source=Source(row["src"]).label, part=row["part"], vendor=row["vendor"], product=row["product"],
            versions=row["text"] or {"*": "all versions", "-": "no version"}.get(row["kind"], ""), fix=row["fix"], vulnerable=row["vulnerable"],
            configuration=row["cfg"], node=row["node"], all_of=bool(row["logic"] & CFG_AND), attributes=row["attrs"] or {}, factor=round(row["factor"], 2),
        )
        for row in _rows(wire, AFFECTED, (get_key(wire, text),))
    ]  # fmt: skip


def _rows(wire: Wire, query: str, values: Sequence[Any]) -> list[dict[str, Any]]:
    return wire.cursor(row_factory=dict_row).execute(query.encode(), values).fetchall()


def _count(wire: Wire, query: str, values: Sequence[Any]) -> int:
    row = wire.execute(query.encode(), values).fetchone()
    return int(row[0]) if row else 0


def _aliases(wire: Wire, k: int) -> list[str]:
    own = name_of(k)
    return [alias for (alias,) in wire.execute("select distinct alias from adv_alias where k = %s order by 1", (k,)) if alias != own]


def _metrics(wire: Wire, one: Settled) -> list[faces.CvssView]:
    m = one.merged
    found = [
        faces.CvssView(
            version=row["version"], score=round(row["score"], 1), severity=row["severity"], vector=row["vector"],
            provider=Provider(row["provider"]).name.lower().replace("_", "-"), source=Source(row["src"]).label,
            chosen=(row["version"], row["vector"], row["src"], row["provider"]) == (m.cvss_version, m.cvss_vector, m.cvss_src, m.cvss_provider),
        )
        for row in _rows(wire, "select * from adv_metric where k = %s order by version desc, provider, score desc, src", (m.k,))
    ]  # fmt: skip
    return sorted(found, key=lambda view: not view.chosen)


def _epss_day(wire: Wire) -> date | None:
    row = wire.execute("select max(score_date) from adv_epss_curve").fetchone()
    return row[0] if row else None


def _epss(wire: Wire, k: int, one: Settled, on: date) -> faces.EpssView | None:
    row = wire.execute("select p, lev_log, lev_date, gone_at from adv_epss where k = %s", (k,)).fetchone()
    if row is None:
        return None
    p, total, since, gone = row
    return faces.EpssView(
        probability=fraction(p) or 0.0,
        percentile=one.merged.percentile,
        as_of=_epss_day(wire),
        lev=round(lev(total, p, since, on), 5),
        left_out_since=gone,
    )


def _kev(wire: Wire, k: int) -> list[faces.KevView]:
    return [_entry(row) for row in _rows(wire, "select * from adv_kev where k = %s order by catalog", (k,))]


def _entry(row: dict[str, Any]) -> faces.KevView:
    return faces.KevView(
        id=name_of(row["k"]), catalog={Catalog.CISA: "kev", Catalog.EU: "eu-kev"}[Catalog(row["catalog"])], added=row["added"], due=row["due"],
        ransomware=row["ransomware"], name=row["name"], action=row["action"], removed=row["removed_at"],
    )  # fmt: skip


def _ssvc(wire: Wire, k: int, one: Settled) -> list[faces.SsvcView]:
    m = one.merged
    return [
        faces.SsvcView(
            source=Source(row["src"]).label, role=row["role"], exploitation=word(row["exploitation"]), automatable=row["automatable"],
            impact=impact(row["total"]), at=row["at"], version=row["version"],
            chosen=(row["exploitation"], row["automatable"], row["total"]) == (m.exploitation, m.automatable, m.total),
        )
        for row in _rows(wire, "select * from adv_ssvc where k = %s order by at desc nulls last, src", (k,))
    ]  # fmt: skip


def _exploits(wire: Wire, k: int) -> list[str]:
    return [ref for (ref,) in wire.execute("select ref from adv_exploit where k = %s order by kind desc, ref", (k,))]


def _facts(wire: Wire, k: int) -> list[faces.SourceWord]:
    return [
        faces.SourceWord(
            source=Source(row["src"]).label, state=State(row["state"]).name.lower(), status=row["status"], title=row["title"],
            description=row["descr"], published=row["published"], modified=row["modified"], cwes=row["cwes"],
            tags=[flag.name.lower() for flag in Flag if flag in Flag(row["flags"]) and flag.name], exploited_since=row["exploited_since"],
            fetched_at=row["fetched_at"], hash=row["hash"], notice=NOTICES[Source(row["src"])],
        )
        for row in _rows(wire, FACTS, (k,))
    ]  # fmt: skip
