"""What every table shares: the declarative base, the organisation column, time-ordered ids."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID  # noqa: TC003 - SQLAlchemy reads the annotation

from sqlalchemy import DateTime
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from watchfloor.kernel.db.ids import new_id


class Base(DeclarativeBase):
    """Base of every mapped table; attributes never load lazily behind a handler's back."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: DateTime(timezone=True), dict[str, Any]: JSONB}


class OrgOwned:
    """A row that belongs to one organisation; its key is (org, id), and so are all keys that point at it."""

    org: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
