"""Which record an id means: a CVE, an EUVD entry, or an alias of one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from watchfloor.capabilities.advisories.schemas.words import euvd_key_of, key_of, name_of
from watchfloor.kernel.errors import NotFound

if TYPE_CHECKING:
    from watchfloor.kernel.db.session import Wire

ID = re.compile(r"(?:CVE-\d{4}-\d{4,10}|EUVD-\d{4}-\d{1,10}|GHSA(?:-[a-z0-9]{4}){3})", re.ASCII | re.IGNORECASE)
NAMED = "select k, merged_into from adv_cve where k = any (%s)"
ALIASED = "select a.k, c.merged_into from adv_alias a join adv_cve c on c.k = a.k where a.alias = any (%s) order by a.k limit 1"


def alias_spellings(text: str) -> list[str]:
    """Return the ways in which an alias may be stored: as it was written, and as its kind is written."""
    whole = text.upper()
    if whole.startswith("GHSA-"):
        whole = "GHSA-" + whole[5:].lower()
    return list(dict.fromkeys([text, whole]))


def find_key(wire: Wire, text: str) -> int | None:
    """Return the key of the record that an id means, of the CVE where an entry was merged into one; None when we know none."""
    name = text.strip().upper()
    k = key_of(name) or euvd_key_of(name)
    row = wire.execute(NAMED, ([k],)).fetchone() if k is not None else None
    row = row or wire.execute(ALIASED, (alias_spellings(text.strip()),)).fetchone()
    return None if row is None else row[1] if row[1] is not None else row[0]


def get_key(wire: Wire, text: str) -> int:
    """Return the key of the record that an id means; raises NotFound, which tells a wrong id from an unknown one."""
    if ID.fullmatch(text.strip()) is None:
        raise NotFound(f"{text[:60]!r} is no id of an advisory; write one such as CVE-2024-3094, EUVD-2024-1234 or GHSA-abcd-1234-wxyz")
    k = find_key(wire, text)
    if k is None:
        k = key_of(text.strip().upper())
        known = f"{name_of(k) if k else text.strip()[:60]} is not known here"
        raise NotFound(f"{known}: no source that was read names it. `watchfloor advisories status` says how far each is read.")
    return k
