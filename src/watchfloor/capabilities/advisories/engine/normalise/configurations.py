"""Configurations of CPE criteria, as NVD has them and others took them over, as rows. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from watchfloor.capabilities.advisories.engine.cpe import (
    ANY,
    CHARACTER,
    LOGICAL,
    NA,
    Name,
    ParseError,
    Value,
    ends,
    has_wildcard,
    ordinary,
    parse,
    stored,
)
from watchfloor.capabilities.advisories.engine.versions import branch_end, key
from watchfloor.capabilities.advisories.schemas.facts import Criterion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchfloor.capabilities.advisories.schemas.records.nvd import Configuration, CpeMatch, Node
    from watchfloor.capabilities.advisories.schemas.words import Source

REMEMBERED = 16_384  # names; those of operating systems and platforms come again and again
RESTRICTING = ("edition", "language", "sw_edition", "target_sw", "target_hw", "other")
VERSION = Name._fields.index("version")
UNRESTRICTED = ["*"] * len(RESTRICTING)
NO_UPDATE = frozenset(("*", "-"))
UNSAID = frozenset(("", "*", "-", "n/a", "unspecified", "unknown", "all"))  # bounds that bound nothing
ALL: dict[str, Any] = {"kind": "*", "text": "any version"}
NONE: dict[str, Any] = {"kind": "-", "text": "version not applicable"}


class Named(NamedTuple):
    """What a CPE name says as a criterion, and the members of `Criterion` that it sets by itself.

    `base` is the key of an exact version without its update.
    """

    product: tuple[str, str, str]  # part, vendor, product
    update: str
    base: bytes | None
    ranged: dict[str, Any]  # members where the bounds beside the name say which versions
    alone: dict[str, Any] | None  # members where nothing stands beside it; None: wildcards that are no range


class _Rejected(Exception):
    """A criterion that means nothing."""


@dataclass
class _Rows:
    """The rows of one CVE while they are made."""

    k: int
    src: Source
    factor: float
    made: list[Criterion] = field(default_factory=list)
    skipped: int = 0
    updated: set[tuple[tuple[str, str, str], bytes]] = field(default_factory=set)  # products at versions that are listed with an update

    def add(self, cfg: int, configuration: Configuration) -> None:
        """Make the rows of a configuration; of none that needs a node of which nothing is left, for it can never hold."""
        cfg_and = configuration.operator.upper() == "AND"
        logic = _set(cfg_and=cfg_and, cfg_negate=configuration.negate)
        before = len(self.made)
        for at, node in enumerate(configuration.nodes):
            started = len(self.made)
            node_and = node.operator.upper() == "AND"
            self._add_node(cfg, at, node, logic | _set(node_and=node_and, negate=node.negate) if node_and or node.negate else logic)
            if cfg_and and len(self.made) == started:
                del self.made[before:]
                return

    def _add_node(self, cfg: int, at: int, node: Node, logic: dict[str, Any]) -> None:
        for pos, match in enumerate(node.cpe_match):
            try:
                named = _named(match.criteria)
                members = _members(match, named)
            except (ParseError, _Rejected):
                self.skipped += 1
                continue
            if named.base is not None and named.update != "*":
                self.updated.add((named.product, named.base))
            self.made.append(
                Criterion(
                    k=self.k, src=self.src, cfg=cfg, node=at, pos=pos, vulnerable=match.vulnerable, factor=self.factor, **members, **logic
                )
            )  # fmt: skip

    def done(self) -> list[Criterion]:
        """Return the rows, those of versions that are listed with other updates as well marked so."""
        for at, row in enumerate(self.made if self.updated else ()):
            if (
                row.kind == "="
                and row.update == "*"
                and row.lo is not None
                and ((row.part, row.vendor, row.product), row.lo) in self.updated
            ):
                self.made[at] = msgspec.structs.replace(row, siblings=True)
        return self.made


def criteria_of(
    configurations: Sequence[Configuration], *, k: int, src: Source, factor: float = 1.0, first_cfg: int = 0
) -> tuple[list[Criterion], int]:
    """Return the criteria of all configurations, and how many were left out: no CPE names, or a lower bound above the upper one."""
    rows = _Rows(k, src, factor)
    for cfg, configuration in enumerate(configurations, first_cfg):
        rows.add(cfg, configuration)
    return rows.done(), rows.skipped


def _set(**members: bool) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value}


@lru_cache(maxsize=REMEMBERED)
def _named(criteria: str) -> Named:
    values = ordinary(criteria)
    if values is None:
        name = parse(criteria)
        values, version = [stored(one) for one in name], name.version
    else:
        version = LOGICAL.get(values[VERSION], values[VERSION])
    part, vendor, product, text, update, *restricting = values
    ranged: dict[str, Any] = {"part": part, "vendor": vendor, "product": product}
    if restricting != UNRESTRICTED:
        ranged["attributes"] = {one: value for one, value in zip(RESTRICTING, restricting, strict=True) if value != "*"}
    base = key(text) if isinstance(version, str) and not has_wildcard(version) else None
    versions = _branch(version) if base is None else _exact(text, update, base)
    alone = None if versions is None else ranged | versions
    if alone is not None and update != "*":
        alone["update"] = update
    return Named((part, vendor, product), update, base, ranged, alone)


def _exact(text: str, update: str, base: bytes) -> dict[str, Any]:
    updated = update not in NO_UPDATE
    made = key(text, update) if updated else base
    return {"kind": "=", "lo": made, "hi": made, "hi_inclusive": True, "text": f"{text} {update}" if updated else text}


def _branch(version: Value) -> dict[str, Any] | None:
    """Return the versions of a logical value or of a wildcard at the end."""
    if version is ANY:
        return ALL
    if version is NA:
        return NONE
    lead, core, _ = ends(version)
    prefix = _plain(core)
    if lead or not prefix.strip("."):
        return None
    return {"kind": "r", "lo": key(prefix), "hi": branch_end(prefix), "text": _plain(version)}


def _members(match: CpeMatch, named: Named) -> dict[str, Any]:
    including, excluding = match.version_end_including, match.version_end_excluding
    if including or excluding or match.version_start_including or match.version_start_excluding:
        return named.ranged | _range(match, named.update)
    if named.alone is None:
        raise _Rejected
    return named.alone


def _range(match: CpeMatch, update: str) -> dict[str, Any]:
    """Return the range of the bounds; an update belongs to an inclusive upper one: *:a up to 1.3.5 means up to 1.3.5a."""
    start, lo_inclusive = _bound(match.version_start_including, match.version_start_excluding)
    end, hi_inclusive = _bound(match.version_end_including, match.version_end_excluding)
    if not start and not end:
        bounds = (match.version_start_including, match.version_start_excluding, match.version_end_including, match.version_end_excluding)
        unbounded = NONE if "-" in bounds else ALL
        return unbounded if update == "*" else unbounded | {"update": update}
    made: dict[str, Any] = {"kind": "r"}
    said = []
    if start:
        made["lo"] = key(start)
        said.append(f"{'>=' if lo_inclusive else '>'} {_plain(start)}")
    if end.endswith(".*"):
        made["hi"], hi_inclusive = branch_end(end[:-2]), False
        said.append(f"<= {end}")
    elif end:
        text = _plain(end)
        said.append(f"{'<=' if hi_inclusive else '<'} {text}")
        if not hi_inclusive:
            made["fix"] = text
        elif update not in NO_UPDATE:
            said[-1] += f" {update}"
        made["hi"] = key(end, update if hi_inclusive else None)
    if start and end and (made["lo"] > made["hi"] or (made["lo"] == made["hi"] and not (lo_inclusive and hi_inclusive))):
        raise _Rejected
    return made | {"lo_inclusive": lo_inclusive, "hi_inclusive": hi_inclusive and bool(end), "text": ", ".join(said)}


def _bound(including: str | None, excluding: str | None) -> tuple[str, bool]:
    text = including or excluding or ""
    return ("" if text.strip().lower() in UNSAID else text.strip()), bool(including) or not excluding


def _plain(text: str) -> str:
    return CHARACTER.sub(r"\1", text) if "\\" in text else text
