"""Say when two things that a watch sees are the same: each is told once. Pure."""

from __future__ import annotations

import hashlib
import json

from watchfloor.capabilities.advisories.schemas.changes import Kind

LONGEST = 100


def value_of(kind: str, new: object) -> str:
    """Return what makes a change a new one: a watch tells the same value of a CVE once, however often it comes back."""
    if isinstance(new, dict):
        # What moves with every merge is no news: a band stays the same band at another score.
        kept = {name: new.get(name) for name in TELLING[kind]} if kind in TELLING else new
        new = next(iter(kept.values())) if len(kept) == 1 else kept
    text = new if isinstance(new, str) else json.dumps(new, sort_keys=True, separators=(",", ":"), default=str)
    return text if len(text) <= LONGEST else hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


TELLING = {
    str(Kind.BAND_CHANGED): ("band",),
    str(Kind.PUBLISHED): (),
    str(Kind.EPSS_CROSSED): ("threshold", "direction"),
    str(Kind.KEV_ADDED): ("catalog", "added"),
}
