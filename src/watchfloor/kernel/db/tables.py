"""What every table shares: the declarative base, the organisation column, time-ordered ids."""

from __future__ import annotations

import secrets
import time
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import DateTime
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


def new_id() -> UUID:
    """Return a UUIDv7 (RFC 9562): sorts by the millisecond it was made, 74 random bits."""
    return UUID(int=(time.time_ns() // 1_000_000 << 80) | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62))


class Base(DeclarativeBase):
    """Base of every mapped table; attributes never load lazily behind a handler's back."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: DateTime(timezone=True), dict[str, Any]: JSONB}


class OrgOwned:
    """A row that belongs to one organisation; its key is (org, id), and so are all keys that point at it."""

    org: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
