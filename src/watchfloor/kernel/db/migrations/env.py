"""Alembic's entry: run the migrations on the connection that `schema.upgrade` opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from alembic import context

from watchfloor.kernel.db.tables import Base

if TYPE_CHECKING:
    from sqlalchemy import Connection

connection = cast("Connection", context.config.attributes["connection"])
context.configure(connection=connection, target_metadata=Base.metadata, transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
