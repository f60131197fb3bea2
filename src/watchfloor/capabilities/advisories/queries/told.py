"""Read all that the sources say about some CVEs: what merging starts from, every time anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchfloor.capabilities.advisories.queries.rows import keys
from watchfloor.capabilities.advisories.schemas.facts import Fact, Kev, Metric, Ssvc
from watchfloor.capabilities.advisories.schemas.merged import Epss, Told
from watchfloor.capabilities.advisories.schemas.words import Catalog, Exploitation, Flag, Provider, Source, State, name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from watchfloor.kernel.db.session import Wire


FACTS = """
select k, src, state, status, title, descr, published, modified, cwes, flags, exploited_since, replaced_by
from adv_fact where k = any (%(ks)s::bigint[]) order by k, src
"""
METRICS = "select k, src, version, provider, score, vector, severity from adv_metric where k = any (%(ks)s::bigint[]) order by k, src, version, provider"
KEVS = "select k, catalog, added, due, ransomware, action, name from adv_kev where k = any (%(ks)s::bigint[]) and removed_at is null order by k, catalog"
SSVCS = "select k, src, exploitation, automatable, total, at, role, version from adv_ssvc where k = any (%(ks)s::bigint[]) order by k, src"
EPSS = """
select e.k, e.p, (select c.pct from adv_epss_curve c where c.score_date = d.newest and c.p <= e.p order by c.p desc limit 1), d.newest, e.held
from adv_epss e, (select max(score_date) as newest from adv_epss_curve) d where e.k = any (%(ks)s::bigint[])
"""
# What an EUVD id told alone belongs to the CVE that it turned out to be an alias of. There are few of those, so they lead.
ADOPTED = """
select a.k, f.k, f.src, f.state, f.status, f.title, f.descr, f.published, f.modified, f.cwes, f.flags, f.exploited_since, f.replaced_by
from adv_fact f join adv_alias a on a.alias = 'EUVD-' || (-f.k / 10000000000) || '-' || mod(-f.k, 10000000000)
where f.k < 0 and a.k > 0 and a.k = any (%(ks)s::bigint[]) order by a.k, f.k desc
"""
CANONICAL = "select alias, min(k) from adv_alias where alias = any (%s) and k > 0 group by alias"
EXPLOITS = "select k, kind from adv_exploit where k = any (%(ks)s::bigint[])"
# Names in one pass over the criteria: most CVEs name a handful of products in dozens of criteria.
CRITERIA = """
select k, array_agg(distinct src order by src), bool_or(fix <> ''),
  (select string_agg(distinct p.vendor || ' ' || p.product, ' ') from adv_product p where p.id = any (array_agg(distinct c.product_id)))
from adv_criterion c where k = any (%(ks)s::bigint[]) and vulnerable group by k
"""
WEAPONISED = 2


def told(wire: Wire, ks: Sequence[int]) -> list[Told]:
    """Return what is known about each of these CVEs, in their order; nothing but the number of one that no source knows."""
    found: dict[int, Told] = {k: Told(k) for k in ks}
    if not found:
        return []
    text = keys(ks)

    def each(sql: str, take: Callable[[Told, Any], None]) -> None:
        for row in wire.execute(sql, {"ks": text}, binary=True):
            take(found[row[0]], row)

    each(FACTS, lambda one, row: one.facts.append(_fact(row)))
    each(METRICS, lambda one, row: one.metrics.append(_metric(row)))
    each(KEVS, lambda one, row: one.kevs.append(_kev(row)))
    each(SSVCS, lambda one, row: one.ssvcs.append(_ssvc(row)))
    each(EPSS, _epss)
    each(EXPLOITS, _exploit)
    each(CRITERIA, _criteria)
    _adopt(wire, found)
    return list(found.values())


def _adopt(wire: Wire, found: dict[int, Told]) -> None:
    """Give CVEs what their EUVD ids told before it was known that they are the same, and those ids the CVE."""
    alone = {name_of(k): k for k in found if k < 0}
    if alone:
        for alias, k in wire.execute(CANONICAL, (list(alone),)):
            found[alone[alias]].merged_into = k
    adopted: dict[int, Told] = {}
    for k, old, *fact in wire.execute(ADOPTED, {"ks": keys(k for k in found if k > 0)}, binary=True):
        if all(one.src is not _SOURCES[fact[0]] for one in found[k].facts):
            found[k].facts.append(_fact((k, *fact)))
            adopted[old] = found[k]
    if adopted:
        for row in wire.execute(METRICS, {"ks": keys(adopted)}, binary=True):
            one = adopted[row[0]]
            one.metrics.append(_metric((one.k, *row[1:])))


# Members of enumerations by value: calling the class is ten times slower.
_SOURCES, _STATES, _PROVIDERS = {one.value: one for one in Source}, {one.value: one for one in State}, {one.value: one for one in Provider}
_FLAGS = {value: Flag(value) for value in range(2 ** len(Flag))}


def _fact(row: Any) -> Fact:  # noqa: ANN401 - a row
    k, src, state, status, title, descr, published, modified, cwes, flags, since, replaced = row
    return Fact(
        k=k, src=_SOURCES[src], state=_STATES[state], status=status, title=title, descr=descr, published=published, modified=modified,
        cwes=tuple(cwes), flags=_FLAGS[flags], exploited_since=since, replaced_by=tuple(replaced),
    )  # fmt: skip


def _metric(row: Any) -> Metric:  # noqa: ANN401 - a row
    k, src, version, provider, score, vector, severity = row
    return Metric(
        k=k, src=_SOURCES[src], version=version, provider=_PROVIDERS[provider], score=round(score, 1), vector=vector, severity=severity
    )


def _kev(row: Any) -> Kev:  # noqa: ANN401 - a row
    k, catalog, added, due, ransomware, action, name = row
    return Kev(k=k, catalog=Catalog(catalog), added=added, due=due, ransomware=ransomware, action=action, name=name)


def _ssvc(row: Any) -> Ssvc:  # noqa: ANN401 - a row
    k, src, exploitation, automatable, total, at, role, version = row
    decided = None if exploitation is None else Exploitation(exploitation)
    return Ssvc(k=k, src=_SOURCES[src], exploitation=decided, automatable=automatable, total=total, at=at, role=role, version=version)


def _epss(one: Told, row: Any) -> None:  # noqa: ANN401 - a row
    one.held = tuple(row[4])
    one.epss = Epss(p=row[1], percentile=None if row[2] is None else round(row[2], 5), score_date=row[3])


def _exploit(one: Told, row: Any) -> None:  # noqa: ANN401 - a row
    if row[1] == WEAPONISED:
        one.weaponised = True
    else:
        one.poc = True


def _criteria(one: Told, row: Any) -> None:  # noqa: ANN401 - a row
    _k, sources, fix, names = row
    one.criteria_sources, one.fix, one.names = tuple(sources), fix, (names or "")[:4000]
