"""What makes two reports the same: canonical forms and their hashes. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from watchfloor.capabilities.reports.engine.spool import canonical

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchfloor.capabilities.reports.schemas.snapshot import Options
    from watchfloor.capabilities.reports.schemas.words import Redaction
    from watchfloor.kernel.sections import Scope

TEMPLATE_VERSION: Final = 3  # of the words, layouts and column orders: raise it whenever any format's bytes change


def scope_hash(scope: Scope) -> bytes:
    """Return the hash under which reports of one scope are kept together."""
    return hashlib.sha256(canonical(_told(scope))).digest()


def snapshot_hash(scope: Scope, special: Sequence[str]) -> bytes:
    """Return the hash under which snapshots are found again: that of the scope, and of the sections that are not for everybody."""
    whole = scope_hash(scope)
    return hashlib.sha256(whole + canonical(sorted(special))).digest() if special else whole


def spec_hash(options: Options, redaction: Redaction, logo: bytes | None) -> bytes:
    """Return the hash of everything besides the snapshot that decides a report's bytes, except its format."""
    picture = hashlib.sha256(logo).hexdigest() if logo else ""
    told = options.model_dump(mode="json", exclude=set() if options.fonts else {"fonts"})  # as before there were any
    return hashlib.sha256(canonical({"options": told, "redaction": str(redaction), "logo": picture})).digest()


def _told(scope: Scope) -> dict[str, Any]:
    # As before there were any.
    plain = {name for name, value in (("filters", scope.filters), ("sections", scope.sections)) if not value}
    return {name: _plain(value) for name, value in asdict(scope).items() if name not in plain}


def _plain(value: Any) -> Any:  # noqa: ANN401 - a field of a scope
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value
