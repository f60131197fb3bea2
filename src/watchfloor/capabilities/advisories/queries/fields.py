# ruff: noqa: S608 - conditions of our own; every value is a parameter
"""What advisories can be searched by: names as the API has them, over adv_cve as `c` and what hangs on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from watchfloor.capabilities.advisories.engine.priority import BANDS as BOUNDS
from watchfloor.capabilities.advisories.queries.cpe_names import CpeName, cve_range, name_spellings
from watchfloor.capabilities.advisories.queries.identity import alias_spellings
from watchfloor.capabilities.advisories.queries.text import words
from watchfloor.capabilities.advisories.schemas.words import Band, Exposure, MatchClass, Source, euvd_key_of, key_of
from watchfloor.capabilities.advisories.schemas.words import Flag as Tag
from watchfloor.kernel.db.filters import Choice, Dated, Field, Flag, Language, Number, Related, Text, Time, Within
from watchfloor.kernel.db.filters.grammar import wrong
from watchfloor.kernel.db.filters.kinds import beginning, either, refuse_comparison, unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchfloor.kernel.db.filters import Given, Value

# All names of what one name stands for: those with the same canonical product, and a CNA's own words for it.
PRODUCTS = Related(
    "c.k in (select cr.k from adv_criterion cr where cr.vulnerable and cr.product_id = any ({}))",
    gathered="c.k = any (array(select distinct cr.k from adv_criterion cr where cr.vulnerable and cr.product_id = any ({})))",
    numbers="with chosen as (select p.id, coalesce(p.canonical, p.id) as root from adv_product p where {}) "
    "select id from chosen union select root from chosen union select s.id from adv_product s join chosen on s.canonical = chosen.root "
    "union select n.name_id from adv_name_map n join chosen on n.product_id in (chosen.id, chosen.root) "
    "where n.origin = 'manual' or (n.support >= 3 and n.support >= 0.9 * (n.support + n.against))",
)
EXPLOITED = "c.kev or c.eukev or c.exploited_eu or c.exploitation = 2"
LISTED = "c.k in (select v.k from adv_kev v where v.removed_at is null and v.catalog = {} and ({{}}))"
SEEN = (
    f"({EXPLOITED}) and exists (select from (select v.added as at from adv_kev v where v.k = c.k and v.removed_at is null "
    "union all select f.exploited_since from adv_fact f where f.k = c.k) as seen where {})"
)
LEV = "c.k in (select e.k from adv_epss e where {})"


def matches(least: float) -> Related:
    """Return the organisation's matches; those less sure than `least` count only when somebody asks for a confidence."""
    sql = "c.k in (select m.k from adv_match m where m.gone_at is null and {})"
    return Related(sql, default=f"m.confidence >= {least:.6f}::real", unless=frozenset({"confidence"}))


@dataclass(frozen=True)
class Identity:
    """An id of any sort: CVE, EUVD, GHSA; `CVE-2024-*` and `CVE-2024-31*`."""

    def condition(self, name: str, values: Sequence[Value], given: Given) -> str:
        """Return SQL that holds where one of the values does."""
        conditions: list[str] = []
        exact: list[str] = []
        for value in values:
            refuse_comparison(name, value, "write an id such as CVE-2024-3094, or CVE-2024-*")
            if value.prefix:
                low, high = cve_range(name, value)
                conditions.append(
                    f"c.k >= {given.add(low)}::bigint and c.k < {given.add(high)}::bigint and {beginning('c.cve_id', value.text.upper(), given)}"
                )
            else:
                exact.append(value.text)
        if exact:
            keys = [k for text in exact for k in (key_of(text.upper()), euvd_key_of(text.upper())) if k is not None]
            aliases = [one for text in exact for one in alias_spellings(text)]
            conditions.append(f"c.k = any ({given.add(keys)}::bigint[])")
            conditions.append(f"c.k in (select a.k from adv_alias a where a.alias = any ({given.add(aliases)}::text[]))")
        return either(conditions)


@dataclass(frozen=True)
class Percentile:
    """A rank among all EPSS scores: a bound on the probability, through the newest curve."""

    number: Number = Number("", 0, 1, percent=True)  # noqa: RUF009 - frozen

    def condition(self, name: str, values: Sequence[Value], given: Given) -> str:
        """Return SQL that holds where one of the values does."""
        return either([self._one(name, value, given) for value in values])

    def _one(self, name: str, value: Value, given: Given) -> str:
        if value.word in {"any", "none"}:
            return f"c.epss is {'not ' if value.word == 'any' else ''}null"
        low, dots, high = value.text.partition("..")
        if dots and not value.comparison:
            if not low and not high:
                raise wrong(f"{name}: a range needs one end at least, as in 90%..99%", value.start, len(value.raw))
            ends = [("c.epss >=", ">=", low), ("c.epss <", ">", high)]
            return " and ".join(self._bound(name, value, start, beyond, end, given) for start, beyond, end in ends if end)
        if not value.comparison:
            return " and ".join(self._bound(name, value, *bound, low, given) for bound in (("c.epss >=", ">="), ("c.epss <", ">")))
        start, beyond = {">": ("c.epss >=", ">"), ">=": ("c.epss >=", ">="), "<": ("c.epss <", ">="), "<=": ("c.epss <", ">")}[
            value.comparison
        ]
        return self._bound(name, value, start, beyond, low, given)

    def _bound(self, name: str, value: Value, start: str, beyond: str, text: str, given: Given) -> str:
        """Compare with the least probability whose percentile lies beyond a value; nothing lies beyond the last."""
        number = self.number.read(name, value, text)
        return (
            f"{start} coalesce((select min(curve.p) from adv_epss_curve curve where curve.score_date = (select max(score_date) from adv_epss_curve) "
            f"and curve.pct {beyond} {given.add(number)}::real), 100001)"
        )


@dataclass(frozen=True)
class Lev:
    """The probability that a CVE has been exploited already, worked out from the history of its EPSS."""

    number: Number = Number("", 0, 1, percent=True)  # noqa: RUF009 - frozen

    def condition(self, name: str, values: Sequence[Value], given: Given) -> str:
        """Return SQL that holds where one of the values does."""
        today = given.add(given.now.date())
        column = f"(1 - exp(e.lev_log + greatest(0, {today}::date - e.lev_date) * ln(greatest(1e-9, 1 - e.p / 100000.0 / 30))))"
        inner = Number(column, 0, 1, percent=True, cast="double precision").condition(name, values, given)
        return Within(LEV, _Ready(inner)).condition(name, values, given)


@dataclass(frozen=True)
class _Ready:
    sql: str

    def condition(self, name: str, values: Sequence[Value], given: Given) -> str:
        del name, values, given
        return self.sql


@dataclass(frozen=True)
class Weakness:
    """A CWE by id: `CWE-79` or `79`."""

    def condition(self, name: str, values: Sequence[Value], given: Given) -> str:
        """Return SQL that holds where one of the values does."""
        wanted: list[str] = []
        conditions: list[str] = []
        for value in values:
            refuse_comparison(name, value, "write CWE-79 or 79")
            number = value.text.upper().removeprefix("CWE-")
            if value.word in {"any", "none"}:
                conditions.append(f"c.cwes {'<>' if value.word == 'any' else '='} '{{}}'::text[]")
            elif not (number.isascii() and number.isdigit()) or value.prefix:
                raise wrong(f"{name}: {value.text[:40]!r} is no weakness; write CWE-79 or 79", value.start, len(value.raw))
            else:
                wanted.append(f"CWE-{number}")
        if wanted:
            conditions.append(f"c.cwes && {given.add(wanted)}::text[]")
        return either(conditions)


@dataclass(frozen=True)
class Among:
    """Words that each stand for a condition of its own."""

    conditions: tuple[tuple[str, str], ...]

    def condition(self, name: str, values: Sequence[Value], given: Given) -> str:
        """Return SQL that holds where one of the values does."""
        del given
        known = dict(self.conditions)
        for value in values:
            refuse_comparison(name, value, f"choose from {', '.join(known)}")
            if value.text.lower() not in known or value.prefix:
                raise unknown(name, value, list(known))
        return either([known[value.text.lower()] for value in values])


@dataclass(frozen=True)
class Urgency:
    """A band of priority; the bound of the priority stands beside it, so that an index in that order is read in part."""

    alias: str

    def condition(self, name: str, values: Sequence[Value], given: Given) -> str:
        """Return SQL that holds where one of the values does."""
        choice = Choice(f"{self.alias}.band", {one: (one,) for one in BANDS}, ordered=True)
        known = {str(band): bound for bound, band in BOUNDS}
        least = min(known.get(str(one), 0.0) for value in values for one in choice.stored(name, value))
        return f"({choice.condition(name, values, given)}) and {self.alias}.priority >= {given.add(least)}::real"


@dataclass(frozen=True)
class Held:
    """An asset by id, key, name or tag."""

    def condition(self, name: str, values: Sequence[Value], given: Given) -> str:
        """Return SQL that holds where one of the values does."""
        for value in values:
            refuse_comparison(name, value, "write an asset's id, address, name or tag")
        wanted = given.add([value.text.lower() for value in values])
        return (
            f"m.asset in (select a.id from asset a where lower(a.key) = any ({wanted}::text[]) or lower(a.name) = any ({wanted}::text[]) "
            f"or a.id::text = any ({wanted}::text[]) or a.tags && {given.add([value.text for value in values])}::text[])"
        )


def _spoken(text: str) -> tuple[str, ...]:
    """Return NVD's words for a status: `awaiting-analysis` is Awaiting Analysis."""
    return (text.lower().replace("-", " ").replace("_", " "),)


SEVERITIES = ("none", "low", "medium", "high", "critical")
BANDS = ("none", *(band.value for band in reversed(Band) if band is not Band.NONE))
SOURCES = tuple(source for source in Source if source not in {Source.KEV, Source.EU_KEV, Source.EPSS, Source.EXPLOITS})


def _flag(one: Tag) -> str:
    return f"c.flags & {int(one)} <> 0"


def _source(numbers: str) -> str:
    return f"c.criteria_sources && {numbers}::smallint[] or c.cvss_src = any ({numbers}::smallint[])"


@lru_cache(maxsize=8)
def language(least: float, *, of_matches: bool = False) -> Language:
    """Return what advisories can be searched by.

    Args:
        least: The confidence from which on a match counts as one.
        of_matches: Priority and band are those of the organisation's matches, not of the advisory.
    """
    match = matches(least)
    of = (match, "m") if of_matches else (None, "c")
    return Language(
        (
            Field("id", Identity(), "an id: CVE-2024-3094, CVE-2024-*, EUVD-…, GHSA-…"),
            Field("priority", Number(f"{of[1]}.priority", 0, 100, cast="real"), "how urgent, 0 to 100", within=of[0]),
            Field("band", Urgency(of[1]), "priority in words", within=of[0]),
            Field("cvss", Number("c.cvss_score", 0, 10, cast="real"), "the chosen CVSS score, 0 to 10"),
            Field("cvss_version", Choice("c.cvss_version", {one: (one,) for one in ("2.0", "3.0", "3.1", "4.0")}, ordered=True, apart={"none": (None,)}), "its version"),
            Field("severity", Choice("c.severity", {one: (one,) for one in SEVERITIES}, ordered=True, apart={"unknown": ("unknown",)}), "its severity"),
            Field("epss", Number("c.epss", 0, 1, scale=100_000, percent=True, whole=True, cast="integer"), "probability of exploitation in 30 days"),
            Field("percentile", Percentile(), "rank of that probability among all"),
            Field("lev", Lev(), "probability of exploitation until now"),
            Field("kev", Dated(Flag("c.kev"), Within(LISTED.format(1), Time("v.added"))), "in CISA's catalog, or since when"),
            Field("eukev", Dated(Flag("c.eukev"), Within(LISTED.format(2), Time("v.added"))), "in the EU's catalog, or since when"),
            Field("ransomware", Flag("c.ransomware and (c.kev or c.eukev)"), "used by ransomware"),
            Field("exploited", Dated(Flag(EXPLOITED), Within(SEEN, Time("seen.at"))), "exploited, whoever says so, or since when"),
            Field("ssvc", Choice("c.exploitation", {"none": (0,), "poc": (1,), "active": (2,)}, ordered=True, apart={"unknown": (None,)}), "exploitation as CISA decided"),
            Field("automatable", Choice("c.automatable", {"yes": (True,), "no": (False,)}, apart={"true": (True,), "false": (False,), "unknown": (None,)}), "as CISA decided"),
            Field("impact", Choice("c.total", {"partial": (False,), "total": (True,)}, ordered=True, apart={"unknown": (None,)}), "technical impact as CISA decided"),
            Field("vendor", Text("p.vendor", name_spellings), "who makes an affected product", within=PRODUCTS),
            Field("product", Text("p.product", name_spellings), "an affected product", within=PRODUCTS),
            Field("cpe", CpeName(), "an affected product as a CPE name, with a version or without"),
            Field("cwe", Weakness(), "a weakness: CWE-79"),
            Field("published", Time("c.published"), "when it was published"),
            Field("modified", Time("c.modified"), "when a source changed it last"),
            Field("changed", Time("c.changed"), "when our record changed last"),
            Field("due", Time("c.kev_due", ahead=True), "until when CISA wants it mended"),
            Field("state", Choice("c.state", {"published": (1,), "rejected": (2,), "reserved": (3,)}), "whether it stands"),
            Field("status", Text("lower(c.status)", _spoken), "NVD's status: analyzed, deferred, awaiting-analysis"),
            Field(
                "source",
                Among((*((one.label, _source(f"'{{{int(one)}}}'")) for one in SOURCES), ("none", "c.criteria_sources = '{}' and c.cvss_src is null"))),
                "who names affected products or the CVSS score",
            ),
            Field("tag", Among(tuple((word, _flag(one)) for word, one in (("disputed", Tag.DISPUTED), ("unsupported", Tag.UNSUPPORTED), ("hosted", Tag.HOSTED)))), "disputed, unsupported or hosted"),
            Field("fix", Flag("c.fix"), "a version that is not affected any more is known"),
            Field("exploit", Among((("any", "c.poc or c.weaponised"), ("none", "not (c.poc or c.weaponised)"), ("poc", "c.poc"), ("weaponised", "c.weaponised"), ("true", "c.poc or c.weaponised"), ("false", "not (c.poc or c.weaponised)"))), "exploits that are published"),
            Field("criteria", Flag("c.criteria_sources <> '{}'"), "affected products are known"),
            Field("affects", _affects(match), "any: on an asset of yours; candidates: perhaps"),
            Field("asset", Held(), "an asset of yours by id, address, name or tag", within=match),
            Field("exposure", Choice("m.exposure", {one.value: (one.value,) for one in Exposure}), "from where that asset can be reached", within=match),
            Field("confidence", Number("m.confidence", 0, 1, percent=True, cast="real"), "how sure the match is", within=match),
            Field("class", Choice("m.class", {one.value: (one.value,) for one in MatchClass}), "why it is as sure as it is", within=match),
            Field("verdict", Text("m.verdict", lambda text: (text.lower(),)), "how soon BOD 26-04 wants it mended", within=match),
        ),
        words,
    )  # fmt: skip


@lru_cache(maxsize=8)
def language_of_matches(least: float) -> Language:
    """Return what a list of matches, adv_match as `m` with its advisory as `c` and its fact as `f`, can be searched by.

    It is what advisories can be searched by, where what is said of a match is said of that match; `least` is the same.
    """
    match, whole = matches(least), language(least, of_matches=True)
    fields = [replace(one, within=None) if one.within == match else one for one in whole.fields if one.name != "affects"]
    own = (
        Field("port", Number("f.port", 0, 65_535, whole=True, cast="integer"), "on which port it answers"),
        Field("seen", Time("m.first_seen"), "since when it is a match"),
    )
    return Language((*fields, *own), whole.words)


def _affects(match: Related) -> Among:
    sure, unsure = (match.sql.replace("{}", one) for one in (match.default, f"not ({match.default})"))
    return Among(
        (
            ("any", sure),
            ("true", sure),
            ("yes", sure),
            ("none", f"({sure}) is not true"),
            ("false", f"({sure}) is not true"),
            ("candidates", unsure),
        )
    )
